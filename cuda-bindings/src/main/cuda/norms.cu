// RMS norm and layer norm: one block for each row. A null mean stands for 0, a null bias likewise.

extern "C" __global__ void normalize(Rows x, View weight, View bias, real eps, Rows out, View mean, View inverse) {
  const real* in = row<real>(x, blockIdx.x);
  real* y = row<real>(out, blockIdx.x);
  real sum = 0;
  if (mean.data) {
    for (i64 i = threadIdx.x; i < x.size; i += THREADS) {
      sum += in[i * x.stride];
    }
  }
  real centre = mean.data ? blockSum(sum) / x.size : (real)0;
  real squares = 0;
  for (i64 i = threadIdx.x; i < x.size; i += THREADS) {
    real d = in[i * x.stride] - centre;
    squares += d * d;
  }
  real scale = 1 / sqrtOf(blockSum(squares) / x.size + eps);
  if (threadIdx.x == 0) {
    *at<real>(inverse, blockIdx.x) = scale;
    if (mean.data) {
      *at<real>(mean, blockIdx.x) = centre;
    }
  }
  for (i64 i = threadIdx.x; i < x.size; i += THREADS) {
    real value = (in[i * x.stride] - centre) * scale * *at<real>(weight, i);
    y[i * out.stride] = bias.data ? value + *at<real>(bias, i) : value;
  }
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
  real sum = 0;
  real dot = 0;
  for (i64 i = threadIdx.x; i < x.size; i += THREADS) {
    real a = gRow[i * g.stride] * *at<real>(weight, i);
    sum += a;
    dot += a * (in[i * x.stride] - centre) * scale;
  }
  dot = blockSum(dot) / x.size;
  sum = mean.data ? blockSum(sum) / x.size : (real)0;
  for (i64 i = threadIdx.x; i < x.size; i += THREADS) {
    real a = gRow[i * g.stride] * *at<real>(weight, i);
    real h = (in[i * x.stride] - centre) * scale;
    put(d + i * out.stride, scale * (a - sum - h * dot), add);
  }
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
