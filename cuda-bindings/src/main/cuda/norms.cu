// RMS norm and layer norm: one block for each row. A null mean stands for 0, a null bias likewise.
// A thread takes parts of WIDTH elements of a row and keeps HELD of them in registers; HELD is 0
// where a row is longer, which is then read again.

typedef Pack<real, WIDTH> Part;

constexpr int SLOTS = HELD > 0 ? HELD : 1;

__device__ inline Part ofVector(const View& v, i64 i) {
  return *pack<WIDTH>((const real*)v.data, v.stride[0], i);
}

// Calls f(slot, i) for each part i of a row that is this thread's.
template <typename F>
__device__ inline void eachPart(i64 size, F f) {
  i64 parts = size / WIDTH;
  int rounds = HELD > 0 ? HELD : (int)((parts + THREADS - 1) / THREADS);
#pragma unroll SLOTS
  for (int n = 0; n < rounds; n++) {
    i64 i = (i64)n * THREADS + threadIdx.x;
    if (i < parts) {
      f(HELD > 0 ? n : 0, i);
    }
  }
}

// Halves are added, for far from zero each rounding counts.
__device__ inline real sumOf(Part part) {
#pragma unroll
  for (int n = WIDTH / 2; n > 0; n /= 2) {
#pragma unroll
    for (int e = 0; e < n; e++) {
      part.at[e] += part.at[e + n];
    }
  }
  return part.at[0];
}

extern "C" __global__ void normalize(Rows x, View weight, View bias, real eps, Rows out, View mean, View inverse) {
  const real* in = row<real>(x, blockIdx.x);
  real* y = row<real>(out, blockIdx.x);
  Part kept[SLOTS];
  real sum = 0;
  if (HELD > 0 || mean.data) {
    eachPart(x.size, [&](int slot, i64 i) {
      kept[slot] = *pack<WIDTH>(in, x.stride, i);
      sum += sumOf(kept[slot]);
    });
  }
  real centre = mean.data ? blockSum(sum) / x.size : (real)0;
  auto part = [&](int slot, i64 i) { return HELD > 0 ? kept[slot] : *pack<WIDTH>(in, x.stride, i); };
  real squares = 0;
  eachPart(x.size, [&](int slot, i64 i) {
    Part values = part(slot, i);
#pragma unroll
    for (int e = 0; e < WIDTH; e++) {
      real d = values.at[e] - centre;
      squares += d * d;
    }
  });
  real scale = 1 / sqrtOf(blockSum(squares) / x.size + eps);
  if (threadIdx.x == 0) {
    *at<real>(inverse, blockIdx.x) = scale;
    if (mean.data) {
      *at<real>(mean, blockIdx.x) = centre;
    }
  }
  eachPart(x.size, [&](int slot, i64 i) {
    Part values = part(slot, i);
    Part factors = ofVector(weight, i);
    Part terms = {};
    if (bias.data) {
      terms = ofVector(bias, i);
    }
#pragma unroll
    for (int e = 0; e < WIDTH; e++) {
      real value = (values.at[e] - centre) * scale * factors.at[e];
      values.at[e] = bias.data ? value + terms.at[e] : value;
    }
    *pack<WIDTH>(y, out.stride, i) = values;
  });
}

// With s = inverse, h = (x - mean) s and a = g weight: dx = s (a - mean(a) - h mean(a h)); the
// second term is there for the layer norm alone.
extern "C" __global__ void normGrad(
    Rows x, View weight, View mean, View inverse, Rows g, Rows out, int add) {
  const real* in = row<real>(x, blockIdx.x);
  const real* gRow = row<real>(g, blockIdx.x);
  real* d = row<real>(out, blockIdx.x);
  real centre = mean.data ? *at<real>(mean, blockIdx.x) : (real)0;
  real scale = *at<real>(inverse, blockIdx.x);
  Part a[SLOTS];
  Part h[SLOTS];
  auto read = [&](int slot, i64 i) {
    Part factors = ofVector(weight, i);
    a[slot] = *pack<WIDTH>(gRow, g.stride, i);
    h[slot] = *pack<WIDTH>(in, x.stride, i);
#pragma unroll
    for (int e = 0; e < WIDTH; e++) {
      a[slot].at[e] *= factors.at[e];
      h[slot].at[e] = (h[slot].at[e] - centre) * scale;
    }
  };
  real sum = 0;
  real dot = 0;
  eachPart(x.size, [&](int slot, i64 i) {
    read(slot, i);
#pragma unroll
    for (int e = 0; e < WIDTH; e++) {
      sum += a[slot].at[e];
      dot += a[slot].at[e] * h[slot].at[e];
    }
  });
  dot = blockSum(dot) / x.size;
  sum = mean.data ? blockSum(sum) / x.size : (real)0;
  eachPart(x.size, [&](int slot, i64 i) {
    if (HELD == 0) {
      read(slot, i);
    }
    Part dx;
#pragma unroll
    for (int e = 0; e < WIDTH; e++) {
      dx.at[e] = scale * (a[slot].at[e] - sum - h[slot].at[e] * dot);
    }
    put(pack<WIDTH>(d, out.stride, i), dx, add);
  });
}

// dWeight[i] = sum over rows of g h: a block takes 32 columns, and eight threads share a column.
extern "C" __global__ void normWeightGrad(
    Rows x, View mean, View inverse, Rows g, View out, i64 rows, int add) {
  __shared__ real partial[THREADS];
  i64 column = (i64)blockIdx.x * 32 + threadIdx.x % 32;
  real sum = 0;
  if (column < x.size) {
    for (i64 r = threadIdx.x / 32; r < rows; r += THREADS / 32) {
      real centre = mean.data ? *at<real>(mean, r) : (real)0;
      real h = (row<real>(x, r)[column * x.stride] - centre) * *at<real>(inverse, r);
      sum += row<real>(g, r)[column * g.stride] * h;
    }
  }
  partial[threadIdx.x] = sum;
  __syncthreads();
  for (int n = THREADS / 2; n >= 32; n /= 2) {
    if (threadIdx.x < n) {
      partial[threadIdx.x] += partial[threadIdx.x + n];
    }
    __syncthreads();
  }
  if (threadIdx.x < 32 && column < x.size) {
    put(at<real>(out, column), partial[threadIdx.x], add);
  }
}
