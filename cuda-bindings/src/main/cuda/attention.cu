// Causal attention with grouped-query heads, without a stored score matrix. HEAD is the size of a
// head, TILE the number of queries and of keys in a tile; both are fixed when this is compiled.
//
// A block has SIDE x SIDE threads. Thread (ty, tx) owns the scores of rows ty + SIDE r and columns
// tx + SIDE c of a tile, and the elements tx + SIDE c of the sums for those rows.

#define SIDE (TILE < 16 ? TILE : 16)
#define SPAN (TILE / SIDE)
#define COLUMNS ((HEAD + SIDE - 1) / SIDE)

// [B, T, H, D] with unit stride in D; lse and delta are [B, H, T] and have no elements.
struct Heads {
  real* data;
  i64 batch;
  i64 time;
  i64 head;
};

struct Problem {
  Heads q;
  Heads k;
  Heads v;
  int* firstKey;
  i64 firstKeyBatch;
  i64 firstKeyTime;
  int queries;
  int keys;
  int heads;
  int groups;
  double scale;
};

// Padded by one, so that the rows of a column lie in different banks.
typedef real Tile[TILE][HEAD + 1];
typedef real Scores[TILE][TILE + 1];

__device__ inline real* at(const Heads& t, i64 b, i64 time, i64 head) {
  return t.data + b * t.batch + time * t.time + head * t.head;
}

__device__ inline int firstVisible(const Problem& p, i64 b, int t) {
  int first = p.firstKey ? p.firstKey[b * p.firstKeyBatch + t * p.firstKeyTime] : 0;
  return first < 0 ? 0 : first;
}

__device__ inline bool visible(const Problem& p, i64 b, int t, int s) {
  return t < p.queries && s < p.keys && s <= p.keys - p.queries + t && s >= firstVisible(p, b, t);
}

// Rows from start on; zeros from end on.
__device__ inline void load(Tile tile, const Heads& t, i64 b, i64 head, int start, int end) {
  for (int e = threadIdx.x; e < TILE * HEAD; e += SIDE * SIDE) {
    int r = e / HEAD;
    tile[r][e % HEAD] = start + r < end ? at(t, b, start + r, head)[e % HEAD] : (real)0;
  }
}

// out = a b^T over the size of a head.
__device__ inline void product(real out[SPAN][SPAN], const Tile a, const Tile b) {
  int ty = threadIdx.x / SIDE;
  int tx = threadIdx.x % SIDE;
  for (int r = 0; r < SPAN; r++) {
    for (int c = 0; c < SPAN; c++) {
      out[r][c] = 0;
    }
  }
  for (int d = 0; d < HEAD; d++) {
    for (int r = 0; r < SPAN; r++) {
      for (int c = 0; c < SPAN; c++) {
        out[r][c] += a[ty + SIDE * r][d] * b[tx + SIDE * c][d];
      }
    }
  }
}

// sums += weights tile, or weights^T tile.
template <bool TRANSPOSED>
__device__ inline void accumulate(real sums[SPAN][COLUMNS], const Scores weights, const Tile tile) {
  int ty = threadIdx.x / SIDE;
  int tx = threadIdx.x % SIDE;
  for (int j = 0; j < TILE; j++) {
    for (int c = 0; c < COLUMNS; c++) {
      int d = tx + SIDE * c;
      real value = d < HEAD ? tile[j][d] : (real)0;
      for (int r = 0; r < SPAN; r++) {
        int i = ty + SIDE * r;
        sums[r][c] += (TRANSPOSED ? weights[j][i] : weights[i][j]) * value;
      }
    }
  }
}

__device__ inline void clear(real sums[SPAN][COLUMNS]) {
  for (int r = 0; r < SPAN; r++) {
    for (int c = 0; c < COLUMNS; c++) {
      sums[r][c] = 0;
    }
  }
}

__device__ inline void putTile(
    const Heads& out, i64 b, i64 head, int start, int end, real sums[SPAN][COLUMNS], real scale, int add) {
  int ty = threadIdx.x / SIDE;
  int tx = threadIdx.x % SIDE;
  for (int r = 0; r < SPAN; r++) {
    for (int c = 0; c < COLUMNS; c++) {
      int t = start + ty + SIDE * r;
      int d = tx + SIDE * c;
      if (t < end && d < HEAD) {
        put(at(out, b, t, head) + d, scale * sums[r][c], add);
      }
    }
  }
}

// The first key of a tile of queries, rounded down to a tile of keys.
__device__ inline int firstOfTile(const Problem& p, i64 b, int start) {
  int first = p.keys;
  for (int t = start; t < start + TILE && t < p.queries; t++) {
    int key = firstVisible(p, b, t);
    first = key < first ? key : first;
  }
  return first / TILE * TILE;
}

// Keys of a tile of queries end here.
__device__ inline int endOfTile(const Problem& p, int start) {
  int last = start + TILE < p.queries ? start + TILE : p.queries;
  return p.keys - p.queries + last;
}

// One row of the online softmax (Milakov and Gimelshein 2018): weights become exp(score - max), and
// the factor for what was summed before is returned.
__device__ inline real rescale(real weights[TILE + 1], real* max, real* sum) {
  real larger1 = *max;
  for (int j = 0; j < TILE; j++) {
    larger1 = larger(larger1, weights[j]);
  }
  if (larger1 == NEGATIVE_INFINITY) {
    for (int j = 0; j < TILE; j++) {
      weights[j] = 0;
    }
    return 1;
  }
  real factor = expOf(*max - larger1);
  real total = *sum * factor;
  for (int j = 0; j < TILE; j++) {
    weights[j] = expOf(weights[j] - larger1);
    total += weights[j];
  }
  *max = larger1;
  *sum = total;
  return factor;
}

extern "C" __global__ void attention(Problem p, Heads out, Heads lse) {
  __shared__ Tile queries;
  __shared__ Tile keysOrValues;
  __shared__ Scores weights;
  __shared__ real max[TILE];
  __shared__ real sum[TILE];
  __shared__ real factor[TILE];
  int ty = threadIdx.x / SIDE;
  int tx = threadIdx.x % SIDE;
  int start = blockIdx.x * TILE;
  int head = blockIdx.y;
  i64 b = blockIdx.z;
  int group = head / (p.heads / p.groups);
  real sums[SPAN][COLUMNS];
  real scores[SPAN][SPAN];
  clear(sums);
  load(queries, p.q, b, head, start, p.queries);
  for (int i = threadIdx.x; i < TILE; i += SIDE * SIDE) {
    max[i] = NEGATIVE_INFINITY;
    sum[i] = 0;
  }
  int end = endOfTile(p, start);
  for (int s = firstOfTile(p, b, start); s < end; s += TILE) {
    load(keysOrValues, p.k, b, group, s, p.keys);
    __syncthreads();
    product(scores, queries, keysOrValues);
    for (int r = 0; r < SPAN; r++) {
      for (int c = 0; c < SPAN; c++) {
        int i = ty + SIDE * r;
        int j = tx + SIDE * c;
        bool seen = visible(p, b, start + i, s + j);
        weights[i][j] = seen ? (real)p.scale * scores[r][c] : NEGATIVE_INFINITY;
      }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < TILE; i += SIDE * SIDE) {
      factor[i] = rescale(weights[i], &max[i], &sum[i]);
    }
    load(keysOrValues, p.v, b, group, s, p.keys);
    __syncthreads();
    for (int r = 0; r < SPAN; r++) {
      for (int c = 0; c < COLUMNS; c++) {
        sums[r][c] *= factor[ty + SIDE * r];
      }
    }
    accumulate<false>(sums, weights, keysOrValues);
    __syncthreads();
  }
  __syncthreads();
  for (int r = 0; r < SPAN; r++) {
    real total = sum[ty + SIDE * r];
    for (int c = 0; c < COLUMNS; c++) {
      sums[r][c] = total > 0 ? sums[r][c] / total : (real)0;
    }
  }
  putTile(out, b, head, start, p.queries, sums, 1, 0);
  for (int i = threadIdx.x; i < TILE && start + i < p.queries; i += SIDE * SIDE) {
    *at(lse, b, start + i, head) = max[i] + logOf(sum[i]);
  }
}

// delta = g . out, one thread for each query of a head.
extern "C" __global__ void attentionDelta(Problem p, Heads out, Heads g, Heads delta) {
  int t = (int)globalThread();
  if (t >= p.queries) {
    return;
  }
  const real* x = at(out, blockIdx.z, t, blockIdx.y);
  const real* y = at(g, blockIdx.z, t, blockIdx.y);
  real sum = 0;
  for (int d = 0; d < HEAD; d++) {
    sum += x[d] * y[d];
  }
  *at(delta, blockIdx.z, t, blockIdx.y) = sum;
}

// Of a tile of queries and one of keys: weights = softmax, slopes = weights (g v^T - delta).
__device__ inline void backwardScores(
    const Problem& p,
    i64 b,
    int head,
    int query,
    int key,
    const Heads& lse,
    const Heads& delta,
    const Tile q,
    const Tile g,
    const Tile k,
    const Tile v,
    Scores weights,
    Scores slopes) {
  int ty = threadIdx.x / SIDE;
  int tx = threadIdx.x % SIDE;
  real scores[SPAN][SPAN];
  real products[SPAN][SPAN];
  product(scores, q, k);
  product(products, g, v);
  for (int r = 0; r < SPAN; r++) {
    for (int c = 0; c < SPAN; c++) {
      int i = ty + SIDE * r;
      int j = tx + SIDE * c;
      real weight = 0;
      real slope = 0;
      if (visible(p, b, query + i, key + j)) {
        weight = expOf((real)p.scale * scores[r][c] - *at(lse, b, query + i, head));
        slope = weight * (products[r][c] - *at(delta, b, query + i, head));
      }
      if (weights) {
        weights[i][j] = weight;
      }
      slopes[i][j] = slope;
    }
  }
}

extern "C" __global__ void attentionQueryGrad(Problem p, Heads lse, Heads delta, Heads g, Heads out, int add) {
  __shared__ Tile q;
  __shared__ Tile gs;
  __shared__ Tile k;
  __shared__ Tile v;
  __shared__ Scores slopes;
  int start = blockIdx.x * TILE;
  int head = blockIdx.y;
  i64 b = blockIdx.z;
  int group = head / (p.heads / p.groups);
  real sums[SPAN][COLUMNS];
  clear(sums);
  load(q, p.q, b, head, start, p.queries);
  load(gs, g, b, head, start, p.queries);
  int end = endOfTile(p, start);
  for (int s = firstOfTile(p, b, start); s < end; s += TILE) {
    load(k, p.k, b, group, s, p.keys);
    load(v, p.v, b, group, s, p.keys);
    __syncthreads();
    backwardScores(p, b, head, start, s, lse, delta, q, gs, k, v, 0, slopes);
    __syncthreads();
    accumulate<false>(sums, slopes, k);
    __syncthreads();
  }
  putTile(out, b, head, start, p.queries, sums, (real)p.scale, add);
}

// One block for each tile of keys of a group: it sums over all heads that read the group, so that
// no two blocks add to one place and the result is the same at every run.
extern "C" __global__ void attentionKeyGrad(
    Problem p, Heads lse, Heads delta, Heads g, Heads dk, int addKeys, Heads dv, int addValues) {
  __shared__ Tile q;
  __shared__ Tile gs;
  __shared__ Tile k;
  __shared__ Tile v;
  __shared__ Scores weights;
  __shared__ Scores slopes;
  int start = blockIdx.x * TILE;
  int group = blockIdx.y;
  i64 b = blockIdx.z;
  int perGroup = p.heads / p.groups;
  int firstQuery = start - (p.keys - p.queries);
  firstQuery = firstQuery < 0 ? 0 : firstQuery / TILE * TILE;
  real keySums[SPAN][COLUMNS];
  real valueSums[SPAN][COLUMNS];
  clear(keySums);
  clear(valueSums);
  load(k, p.k, b, group, start, p.keys);
  load(v, p.v, b, group, start, p.keys);
  for (int head = group * perGroup; head < (group + 1) * perGroup; head++) {
    for (int t = firstQuery; t < p.queries; t += TILE) {
      // Queries of later samples in a packed row see nothing of this tile.
      if (p.firstKey && firstOfTile(p, b, t) > start) {
        continue;
      }
      load(q, p.q, b, head, t, p.queries);
      load(gs, g, b, head, t, p.queries);
      __syncthreads();
      backwardScores(p, b, head, t, start, lse, delta, q, gs, k, v, weights, slopes);
      __syncthreads();
      accumulate<true>(keySums, slopes, q);
      accumulate<true>(valueSums, weights, gs);
      __syncthreads();
    }
  }
  if (dk.data) {
    putTile(dk, b, group, start, p.keys, keySums, (real)p.scale, addKeys);
  }
  if (dv.data) {
    putTile(dv, b, group, start, p.keys, valueSums, 1, addValues);
  }
}
