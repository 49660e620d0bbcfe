// The gradient of causal attention on tensor cores: scores are formed again from log-sum-exp.

#include "attention_mma.cuh"

// delta = g . out, one warp for each query of a head.
extern "C" __global__ void __launch_bounds__(32 * WARPS) attentionDelta(Problem p, Heads out, Heads g, Heads delta) {
  int t = (int)blockIdx.x * WARPS + (int)threadIdx.x / 32;
  int row = t < p.queries ? t : 0;
  const float* x = at(out, blockIdx.z, row, blockIdx.y);
  const float* y = at(g, blockIdx.z, row, blockIdx.y);
  float sum = 0;
  for (int d = LANE; d < HEAD; d += 32) {
    sum += x[d] * y[d];
  }
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) {
    sum += exchanged(sum, mask);
  }
  if (LANE == 0 && t < p.queries) {
    *at(delta, blockIdx.z, t, blockIdx.y) = sum;
  }
}

// What the gradient of the scores of a query takes; its log-sum-exp to the base of 2.
struct Query {
  Range seen;
  float lse;
  float delta;
};

__device__ inline Query queryOf(const Problem& p, const Heads& lse, const Heads& delta, i64 b, int head, int t) {
  Query query = {range(p, b, t), 0, 0};
  if (t < p.queries) {
    query.lse = *at(lse, b, t, head) * LOG2E;
    query.delta = *at(delta, b, t, head);
  }
  return query;
}

__device__ inline float weightOf(const Query& query, int key, float score) {
  return contains(query.seen, key) ? exp2f(score - query.lse) : 0;
}

extern "C" __global__ void __launch_bounds__(32 * WARPS) attentionQueryGrad(
    Problem p, Heads lse, Heads delta, Heads g, Heads out, int add) {
  DYNAMIC_SHARED(float4, shared);
  float* q = (float*)shared;
  float* gs = q + ROWS * STRIDE;
  float* k = gs + ROWS * STRIDE;
  float* v = k + COLS * STRIDE;
  int start = (int)(gridDim.x - 1 - blockIdx.x) * ROWS;
  int head = blockIdx.y;
  i64 b = blockIdx.z;
  int group = head / (p.heads / p.groups);
  float scale = (float)p.scale * LOG2E;
  Query rows[2];
  for (int r = 0; r < 2; r++) {
    rows[r] = queryOf(p, lse, delta, b, head, start + FIRST_ROW + GROUP + 8 * r);
  }
  float sums[STEPS][4];
  clear(sums);
  load(q, ROWS, p.q, b, head, start, p.queries);
  load(gs, ROWS, g, b, head, start, p.queries);
  int end = lastKeys(p, start + ROWS);
  for (int s = firstOf(p, b, start, ROWS) / COLS * COLS; s < end; s += COLS) {
    __syncthreads();
    load(k, COLS, p.k, b, group, s, p.keys);
    load(v, COLS, p.v, b, group, s, p.keys);
    __syncthreads();
    float x[TILES][4];
    float y[TILES][4];
    product(x, q, k);
    product(y, gs, v);
#pragma unroll
    for (int n = 0; n < TILES; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const Query& query = rows[i / 2];
        float weight = weightOf(query, s + 8 * n + 2 * MEMBER + i % 2, scale * x[n][i]);
        x[n][i] = weight * (y[n][i] - query.delta);
      }
    }
    accumulate(sums, x, k);
  }
  float scales[2] = {(float)p.scale, (float)p.scale};
  putRows(out, b, head, start, p.queries, sums, scales, add);
}

// One block for each tile of keys and each head that reads them. Where several heads read a group,
// dk and dv are of heads, and somebody adds them in a fixed order.
extern "C" __global__ void __launch_bounds__(32 * WARPS) attentionKeyGrad(
    Problem p, Heads lse, Heads delta, Heads g, Heads dk, int addKeys, Heads dv, int addValues) {
  DYNAMIC_SHARED(float4, shared);
  float* k = (float*)shared;
  float* v = k + ROWS * STRIDE;
  float* q = v + ROWS * STRIDE;
  float* gs = q + COLS * STRIDE;
  __shared__ Query columns[COLS];
  int start = blockIdx.x * ROWS;
  int head = blockIdx.y;
  i64 b = blockIdx.z;
  int group = head / (p.heads / p.groups);
  float scale = (float)p.scale * LOG2E;
  int firstQuery = start - (p.keys - p.queries);
  firstQuery = firstQuery < 0 ? 0 : firstQuery / COLS * COLS;
  float keySums[STEPS][4];
  float valueSums[STEPS][4];
  clear(keySums);
  clear(valueSums);
  load(k, ROWS, p.k, b, group, start, p.keys);
  load(v, ROWS, p.v, b, group, start, p.keys);
  for (int t = firstQuery; t < p.queries; t += COLS) {
    // Queries of later samples in a packed row see nothing of these keys.
    if (firstOf(p, b, t, COLS) >= start + ROWS) {
      continue;
    }
    __syncthreads();
    load(q, COLS, p.q, b, head, t, p.queries);
    load(gs, COLS, g, b, head, t, p.queries);
    if (threadIdx.x < COLS) {
      columns[threadIdx.x] = queryOf(p, lse, delta, b, head, t + threadIdx.x);
    }
    __syncthreads();
    float x[TILES][4];
    float y[TILES][4];
    product(x, k, q);
    product(y, v, gs);
#pragma unroll
    for (int n = 0; n < TILES; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const Query& query = columns[8 * n + 2 * MEMBER + i % 2];
        int key = start + FIRST_ROW + GROUP + 8 * (i / 2);
        x[n][i] = weightOf(query, key, scale * x[n][i]);
        y[n][i] = x[n][i] * (y[n][i] - query.delta);
      }
    }
    accumulate(valueSums, x, gs);
    accumulate(keySums, y, q);
  }
  float scales[2] = {(float)p.scale, (float)p.scale};
  float ones[2] = {1, 1};
  if (dk.data) {
    putRows(dk, b, head, start, p.keys, keySums, scales, addKeys);
  }
  if (dv.data) {
    putRows(dv, b, head, start, p.keys, valueSums, ones, addValues);
  }
}
