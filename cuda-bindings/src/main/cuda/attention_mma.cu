// Causal attention with grouped-query heads on tensor cores.

#include "attention_mma.cuh"

#define LN2 0.6931471805599453f

// Over the four lanes that have a row.
__device__ inline float rowMax(float x) {
  x = larger(x, exchanged(x, 1));
  return larger(x, exchanged(x, 2));
}

__device__ inline float rowSum(float x) {
  x += exchanged(x, 1);
  return x + exchanged(x, 2);
}

// One step of the online softmax (Milakov and Gimelshein 2018): scores of keys from s on become
// weights, and what was summed before shrinks where a larger score has come.
__device__ inline void weigh(
    float x[TILES][4], float scale, int s, const Range seen[2], float max[2], float sum[2], float sums[STEPS][4]) {
#pragma unroll
  for (int r = 0; r < 2; r++) {
    float larger1 = max[r];
#pragma unroll
    for (int n = 0; n < TILES; n++) {
#pragma unroll
      for (int i = 2 * r; i < 2 * r + 2; i++) {
        int key = s + 8 * n + 2 * MEMBER + i % 2;
        x[n][i] = contains(seen[r], key) ? scale * x[n][i] : NEGATIVE_INFINITY;
        larger1 = larger(larger1, x[n][i]);
      }
    }
    larger1 = rowMax(larger1);
    // A row that has seen nothing keeps sums of 0; infinity minus itself would be NaN.
    float top = larger1 == NEGATIVE_INFINITY ? 0 : larger1;
    float factor = exp2f(max[r] - top);
    sum[r] *= factor;
#pragma unroll
    for (int n = 0; n < TILES; n++) {
#pragma unroll
      for (int i = 2 * r; i < 2 * r + 2; i++) {
        x[n][i] = exp2f(x[n][i] - top);
        sum[r] += x[n][i];
      }
    }
#pragma unroll
    for (int d = 0; d < STEPS; d++) {
      sums[d][2 * r] *= factor;
      sums[d][2 * r + 1] *= factor;
    }
    max[r] = larger1;
  }
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) attention(Problem p, Heads out, Heads lse) {
  DYNAMIC_SHARED(float4, shared);
  float* q = (float*)shared;
  float* k = q + ROWS * STRIDE;
  float* v = k + COLS * STRIDE;
  // Later queries see more keys: they begin first, so that no long block is left for the end.
  int start = (int)(gridDim.x - 1 - blockIdx.x) * ROWS;
  int head = blockIdx.y;
  i64 b = blockIdx.z;
  int group = head / (p.heads / p.groups);
  float scale = (float)p.scale * LOG2E;
  Range seen[2];
  float max[2];
  float sum[2] = {0, 0};
  for (int r = 0; r < 2; r++) {
    seen[r] = range(p, b, start + FIRST_ROW + GROUP + 8 * r);
    max[r] = NEGATIVE_INFINITY;
  }
  float sums[STEPS][4];
  clear(sums);
  load(q, ROWS, p.q, b, head, start, p.queries);
  int end = lastKeys(p, start + ROWS);
  for (int s = firstOf(p, b, start, ROWS) / COLS * COLS; s < end; s += COLS) {
    __syncthreads();
    load(k, COLS, p.k, b, group, s, p.keys);
    load(v, COLS, p.v, b, group, s, p.keys);
    __syncthreads();
    float x[TILES][4];
    product(x, q, k);
    weigh(x, scale, s, seen, max, sum, sums);
    accumulate(sums, x, v);
  }
  float inverse[2];
  for (int r = 0; r < 2; r++) {
    int t = start + FIRST_ROW + GROUP + 8 * r;
    float total = rowSum(sum[r]);
    inverse[r] = total == 0 ? 0 : 1 / total;
    if (MEMBER == 0 && t < p.queries) {
      *at(lse, b, t, head) = max[r] * LN2 + logOf(total);
    }
  }
  putRows(out, b, head, start, p.queries, sums, inverse, 0);
}
