// Softmax, its logarithm, cross-entropy and their gradients: one block for each row. The maximum of
// a row is taken out first, so that nothing overflows. Threads take WIDTH elements of a row at once.

#define CROSS_ENTROPY 3

typedef Pack<real, WIDTH> Part;

struct RowSums {
  real max;
  real logSum;
};

// What exp takes out: the largest number, but 0 for minus infinity, from which that cannot be taken.
__device__ inline real base(real max) { return max == NEGATIVE_INFINITY ? (real)0 : max; }

// Each thread reads its part of the row once: where a larger number comes, the sum so far shrinks.
// Two parts are on their way at a time. If the largest number is infinite the sum is NaN.
__device__ inline RowSums rowSums(const real* x, i64 size, i64 stride) {
  real max = NEGATIVE_INFINITY;
  real sum = 0;
#pragma unroll 2
  for (i64 i = threadIdx.x; i < size / WIDTH; i += THREADS) {
    Part part = *pack<WIDTH>(x, stride, i);
    real before = max;
#pragma unroll
    for (int e = 0; e < WIDTH; e++) {
      max = larger(max, part.at[e]);
    }
    sum *= expOf(before - base(max));
#pragma unroll
    for (int e = 0; e < WIDTH; e++) {
      sum += expOf(part.at[e] - base(max));
    }
  }
  real all = blockMax(max);
  sum = blockSum(sum * expOf(max - base(all)));
  RowSums sums = {all, logOf(sum) + (all - all)};
  return sums;
}

extern "C" __global__ void softmax(Rows in, Rows out, int logarithm) {
  const real* x = row<real>(in, blockIdx.x);
  real* y = row<real>(out, blockIdx.x);
  RowSums sums = rowSums(x, in.size, in.stride);
  for (i64 i = threadIdx.x; i < in.size; i += THREADS) {
    real z = x[i * in.stride] - sums.max - sums.logSum;
    y[i * out.stride] = logarithm ? z : expOf(z);
  }
}

// softmax: dx = y (g - sum of g y); its logarithm: dx = g - exp(y) sum of g.
extern "C" __global__ void softmaxGrad(Rows y, Rows g, Rows out, int logarithm, int add) {
  const real* yRow = row<real>(y, blockIdx.x);
  const real* gRow = row<real>(g, blockIdx.x);
  real* outRow = row<real>(out, blockIdx.x);
  real sum = 0;
  for (i64 i = threadIdx.x; i < y.size; i += THREADS) {
    real gi = gRow[i * g.stride];
    sum += logarithm ? gi : gi * yRow[i * y.stride];
  }
  sum = blockSum(sum);
  for (i64 i = threadIdx.x; i < y.size; i += THREADS) {
    real yi = yRow[i * y.stride];
    real gi = gRow[i * g.stride];
    real dx = logarithm ? gi - expOf(yi) * sum : yi * (gi - sum);
    put(outRow + i * out.stride, dx, add);
  }
}

// Log-sum-exp of each row and lse - logits[target], 0 for a row with a negative target.
extern "C" __global__ void crossEntropy(Rows logits, View targets, View lse, real* rowLoss, Fault* fault) {
  const real* x = row<real>(logits, blockIdx.x);
  RowSums sums = rowSums(x, logits.size, logits.stride);
  if (threadIdx.x != 0) {
    return;
  }
  int target = *at<int>(targets, blockIdx.x);
  *at<real>(lse, blockIdx.x) = sums.max + sums.logSum;
  bool counts = target >= 0 && !outside(fault, CROSS_ENTROPY, target, logits.size);
  rowLoss[blockIdx.x] = counts ? sums.max + sums.logSum - x[target * logits.stride] : (real)0;
}

// Without g it is 1. May run in place.
extern "C" __global__ void crossEntropyGrad(
    Rows logits, View targets, View lse, const real* g, real scale, Rows out, int add) {
  const real* x = row<real>(logits, blockIdx.x);
  real* d = row<real>(out, blockIdx.x);
  int target = *at<int>(targets, blockIdx.x);
  real rowLse = *at<real>(lse, blockIdx.x);
  real factor = g ? *g * scale : scale;
  for (i64 i = threadIdx.x; i < logits.size / WIDTH; i += THREADS) {
    Part part = *pack<WIDTH>(x, logits.stride, i);
#pragma unroll
    for (int e = 0; e < WIDTH; e++) {
      real p = expOf(part.at[e] - rowLse);
      part.at[e] = target < 0 ? (real)0 : factor * (WIDTH * i + e == target ? p - 1 : p);
    }
    put(pack<WIDTH>(d, out.stride, i), part, add);
  }
}
