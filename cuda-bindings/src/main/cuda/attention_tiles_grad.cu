// The gradient of causal attention, without a stored score matrix.

#include "attention_tiles.cuh"

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
  int end = lastKeys(p, start + TILE);
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
