// Causal attention with grouped-query heads, without a stored score matrix.

#include "attention_tiles.cuh"

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
  int end = lastKeys(p, start + TILE);
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
    // A query that sees nothing has 0; NaN stays.
    real total = sum[ty + SIDE * r];
    for (int c = 0; c < COLUMNS; c++) {
      sums[r][c] = total == 0 ? (real)0 : sums[r][c] / total;
    }
  }
  putTile(out, b, head, start, p.queries, sums, 1, 0);
  for (int i = threadIdx.x; i < TILE && start + i < p.queries; i += SIDE * SIDE) {
    *at(lse, b, start + i, head) = max[i] + logOf(sum[i]);
  }
}
