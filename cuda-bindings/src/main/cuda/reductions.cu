// Sums over some dimensions, and the Euclidean norm of many tensors.

// out[o] = scale * sum over r of in[kept o, reduced r]. A block forms perBlock sums, and the
// THREADS / perBlock threads of each lie perBlock apart, so that neighbours read neighbours.
extern "C" __global__ void sum(
    View kept, View reduced, View out, i64 outputs, i64 count, int perBlock, real scale, int add) {
  __shared__ real partial[THREADS];
  i64 o = (i64)blockIdx.x * perBlock + threadIdx.x % perBlock;
  int lanes = THREADS / perBlock;
  real total = 0;
  if (o < outputs) {
    const real* in = at<real>(kept, o);
    for (i64 r = threadIdx.x / perBlock; r < count; r += lanes) {
      total += in[offsetOf(reduced, r)];
    }
  }
  partial[threadIdx.x] = total;
  __syncthreads();
  for (int n = THREADS / 2; n >= perBlock; n /= 2) {
    if (threadIdx.x < n) {
      partial[threadIdx.x] += partial[threadIdx.x + n];
    }
    __syncthreads();
  }
  if (threadIdx.x < perBlock && o < outputs) {
    put(at<real>(out, o), scale * partial[threadIdx.x], add);
  }
}

struct NormTensors {
  View view[16];
  i64 count[16];
};

// Squares in F64: in F32 they overflow beyond 1e19 and vanish below 1e-23. Block (x, y) sums its
// part of tensor y.
extern "C" __global__ void squares(NormTensors tensors, double* partial) {
  const View& in = tensors.view[blockIdx.y];
  double sum = 0;
  for (i64 i = globalThread(); i < tensors.count[blockIdx.y]; i += (i64)gridDim.x * THREADS) {
    double x = *at<real>(in, i);
    sum += x * x;
  }
  sum = blockSum(sum);
  if (threadIdx.x == 0) {
    partial[(i64)blockIdx.y * gridDim.x + blockIdx.x] = sum;
  }
}

extern "C" __global__ void rootOfSum(const double* partial, i64 count, real* out) {
  double sum = 0;
  for (i64 i = threadIdx.x; i < count; i += THREADS) {
    sum += partial[i];
  }
  sum = blockSum(sum);
  if (threadIdx.x == 0) {
    *out = (real)sqrt(sum);
  }
}
