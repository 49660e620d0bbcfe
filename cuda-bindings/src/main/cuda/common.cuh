// What all kernels share. REAL is float or double, the type of activations, gradients and of all
// arithmetic; the back end puts this text before each source file.
typedef long long i64;
typedef REAL real;

#define THREADS 256
#define NEGATIVE_INFINITY ((real)__int_as_float(0xff800000))

// A strided tensor; neighbouring dimensions with one common stride have been merged.
struct View {
  void* data;
  i64 rank;
  i64 dim[6];
  i64 stride[6];
};

// A strided tensor as rows: all dimensions but the last, and the last one.
struct Rows {
  View rows;
  i64 size;
  i64 stride;
};

// Host memory in which a kernel leaves the first index that is out of range.
struct Fault {
  i64 operation;
  i64 index;
  i64 size;
};

struct bf16 {
  unsigned short bits;
};

struct f16 {
  unsigned short bits;
};

// Offset, in elements, of the element with row-major number i. Division of 64-bit integers takes
// some four times as long as that of 32-bit ones. The loops have a fixed count, so that dim and
// stride are read where the parameters lie: an index that is not known to the compiler would make
// it copy the whole structure to the stack of each thread.
__device__ inline i64 offsetOf(const View& v, i64 i) {
  if (v.rank < 2) {
    return i * v.stride[0];
  }
  i64 offset = 0;
  if (i <= 0xffffffffLL) {
    unsigned rest = (unsigned)i;
#pragma unroll
    for (int d = 5; d > 0; d--) {
      if (d < v.rank) {
        unsigned dim = (unsigned)v.dim[d];
        offset += (rest % dim) * v.stride[d];
        rest /= dim;
      }
    }
    return offset + rest * v.stride[0];
  }
#pragma unroll
  for (int d = 5; d > 0; d--) {
    if (d < v.rank) {
      offset += (i % v.dim[d]) * v.stride[d];
      i /= v.dim[d];
    }
  }
  return offset + i * v.stride[0];
}

// The quotient; the remainder goes to rest.
__device__ inline i64 divide(i64 x, int by, int* rest) {
  if (x <= 0xffffffffLL) {
    *rest = (int)((unsigned)x % (unsigned)by);
    return (unsigned)x / (unsigned)by;
  }
  *rest = (int)(x % by);
  return x / by;
}

template <typename T>
__device__ inline T* at(const View& v, i64 i) {
  return (T*)v.data + offsetOf(v, i);
}

template <typename T>
__device__ inline T* row(const Rows& t, i64 r) {
  return (T*)t.rows.data + offsetOf(t.rows, r);
}

// N neighbours in memory, read and written by as few instructions as there can be.
template <typename T, int N>
struct alignas(N * sizeof(T)) Pack {
  T at[N];
};

template <typename T, int N>
__device__ inline Pack<T, N>* pack(T* data, i64 i) {
  return (Pack<T, N>*)data + i;
}

template <typename T, int N>
__device__ inline const Pack<T, N>* pack(const T* data, i64 i) {
  return (const Pack<T, N>*)data + i;
}

// Pack i of a row whose elements lie stride apart; packs of more than one lie in a row.
template <int N>
__device__ inline Pack<real, N>* pack(real* row, i64 stride, i64 i) {
  return (Pack<real, N>*)(row + (N == 1 ? i * stride : N * i));
}

template <int N>
__device__ inline const Pack<real, N>* pack(const real* row, i64 stride, i64 i) {
  return (const Pack<real, N>*)(row + (N == 1 ? i * stride : N * i));
}

// The N elements with row-major numbers from N i on, which are neighbours in memory too.
template <typename T, int N>
__device__ inline Pack<T, N>* pack(const View& v, i64 i) {
  return (Pack<T, N>*)at<T>(v, N * i);
}

// The same where they are one and the same element.
template <typename T, int N>
__device__ inline Pack<T, N> spread(const View& v, i64 i) {
  T x = *at<T>(v, N * i);
  Pack<T, N> all;
#pragma unroll
  for (int e = 0; e < N; e++) {
    all.at[e] = x;
  }
  return all;
}

// Set must not read: what is there may be NaN.
__device__ inline void put(real* out, real value, int add) { *out = add ? *out + value : value; }

template <int N>
__device__ inline void put(Pack<real, N>* out, Pack<real, N> values, int add) {
  if (add) {
    Pack<real, N> old = *out;
#pragma unroll
    for (int e = 0; e < N; e++) {
      values.at[e] += old.at[e];
    }
  }
  *out = values;
}

__device__ inline i64 globalThread() { return (i64)blockIdx.x * blockDim.x + threadIdx.x; }

__device__ inline bool outside(Fault* fault, i64 operation, i64 index, i64 size) {
  if (index >= 0 && index < size) {
    return false;
  }
  fault->index = index;
  fault->size = size;
  fault->operation = operation;
  return true;
}

__device__ inline float expOf(float x) { return expf(x); }
__device__ inline double expOf(double x) { return exp(x); }
__device__ inline float logOf(float x) { return logf(x); }
__device__ inline double logOf(double x) { return log(x); }
__device__ inline float sqrtOf(float x) { return sqrtf(x); }
__device__ inline double sqrtOf(double x) { return sqrt(x); }
__device__ inline float tanhOf(float x) { return tanhf(x); }
__device__ inline double tanhOf(double x) { return tanh(x); }
__device__ inline float erfOf(float x) { return erff(x); }
__device__ inline double erfOf(double x) { return erf(x); }

template <typename T>
__device__ inline T larger(T x, T y) {
  return x > y || x != x ? x : y;
}

// ---- storage types ------------------------------------------------------------------------------

__device__ inline float valueOf(float x) { return x; }
__device__ inline double valueOf(double x) { return x; }
__device__ inline int valueOf(int x) { return x; }
__device__ inline i64 valueOf(i64 x) { return x; }
__device__ inline float valueOf(bf16 x) { return __int_as_float((int)((unsigned)x.bits << 16)); }

// The exponent of F16 is moved to that of F32; a subnormal counts in units of 2^-24.
__device__ inline float valueOf(f16 x) {
  unsigned sign = (unsigned)(x.bits & 0x8000) << 16;
  unsigned exponent = (x.bits >> 10) & 31;
  unsigned fraction = x.bits & 1023;
  if (exponent == 0) {
    float magnitude = (float)fraction * 0.000000059604644775390625f;
    return sign ? -magnitude : magnitude;
  }
  unsigned moved = exponent == 31 ? 255 : exponent + 112;
  return __int_as_float((int)(sign | (moved << 23) | (fraction << 13)));
}

template <typename T>
__device__ inline void store(float* out, T x) { *out = (float)x; }
template <typename T>
__device__ inline void store(double* out, T x) { *out = (double)x; }
template <typename T>
__device__ inline void store(int* out, T x) { *out = (int)x; }
template <typename T>
__device__ inline void store(i64* out, T x) { *out = (i64)x; }

// Nearest, ties to even; a NaN stays one.
template <typename T>
__device__ inline void store(bf16* out, T x) {
  unsigned bits = (unsigned)__float_as_int((float)x);
  bool nan = (bits & 0x7fffffff) > 0x7f800000;
  out->bits = (unsigned short)(nan ? (bits >> 16) | 0x40 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Nearest, ties to even. Below the smallest normal F16 the addition of 0.5 rounds to units of 2^-24.
template <typename T>
__device__ inline void store(f16* out, T x) {
  unsigned bits = (unsigned)__float_as_int((float)x);
  unsigned sign = (bits >> 16) & 0x8000;
  unsigned magnitude = bits & 0x7fffffff;
  unsigned half;
  if (magnitude > 0x7f800000) {
    half = 0x7e00;
  } else if (magnitude >= 0x47800000) {
    half = 0x7c00;
  } else if (magnitude < 0x38800000) {
    half = (unsigned)__float_as_int(__int_as_float((int)magnitude) + 0.5f) - 0x3f000000;
  } else {
    half = (magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  }
  out->bits = (unsigned short)(sign | half);
}

// ---- reductions over a block of THREADS threads -------------------------------------------------

#ifdef __CUDACC__
// x of the lane of the warp whose number differs by mask.
__device__ inline float exchanged(float x, int mask) { return __shfl_xor_sync(0xffffffff, x, mask); }
__device__ inline double exchanged(double x, int mask) { return __shfl_xor_sync(0xffffffff, x, mask); }
#endif

struct Sum {
  template <typename T>
  __device__ static T of(T x, T y) { return x + y; }
};

struct Largest {
  template <typename T>
  __device__ static T of(T x, T y) { return larger(x, y); }
};

// Of N lanes that lie next to each other, N a power of two: all get the same bits, for a sum does
// not depend on which side comes first.
template <typename Operation, int N, typename T>
__device__ inline T ofLanes(T value) {
#pragma unroll
  for (int mask = N / 2; mask > 0; mask /= 2) {
    value = Operation::of(value, exchanged(value, mask));
  }
  return value;
}

template <typename Operation, typename T>
__device__ inline T ofBlock(T value) {
  __shared__ T ofWarp[THREADS / 32];
  value = ofLanes<Operation, 32>(value);
  __syncthreads();
  if (threadIdx.x % 32 == 0) {
    ofWarp[threadIdx.x / 32] = value;
  }
  __syncthreads();
  return ofLanes<Operation, THREADS / 32>(ofWarp[threadIdx.x % (THREADS / 32)]);
}

template <typename T>
__device__ inline T blockSum(T value) {
  return ofBlock<Sum>(value);
}

template <typename T>
__device__ inline T blockMax(T value) {
  return ofBlock<Largest>(value);
}
