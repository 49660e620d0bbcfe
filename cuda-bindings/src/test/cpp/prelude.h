// Lets g++ compile the kernel sources as host C++ for the stand-in driver.
#pragma once
#include <cmath>
#include <cstring>
#include <functional>
#include <tuple>

#define __device__
#define __global__
#define __launch_bounds__(threads)
#define __shared__ static

// Bytes that a lane can exchange.
#define STANDIN_EXCHANGED 32

struct StandInDim {
  unsigned x, y, z;
};

extern "C" {
extern StandInDim standin_threadIdx, standin_blockIdx, standin_blockDim, standin_gridDim;
extern char standin_shared[];
void standin_barrier();
const void* standin_exchange(const void* mine, size_t bytes);
}

#define threadIdx standin_threadIdx
#define blockIdx standin_blockIdx
#define blockDim standin_blockDim
#define gridDim standin_gridDim
#define __syncthreads standin_barrier
#define DYNAMIC_SHARED(type, name) type* name = (type*)standin_shared

struct alignas(16) float4 {
  float x, y, z, w;
};

struct alignas(8) float2 {
  float x, y;
};

inline float __int_as_float(int bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

inline int __float_as_int(float x) {
  int bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

// ---- what the lanes of a warp do together, as the PTX ISA describes it ---------------------------

template <typename T>
inline T exchanged(T x, int mask) {
  return *(const T*)((const char*)standin_exchange(&x, sizeof x) +
                     STANDIN_EXCHANGED * ((threadIdx.x % 32) ^ mask));
}

// cvt.rna.tf32.f32
inline float tf32(float x) {
  return std::isfinite(x) ? __int_as_float((__float_as_int(x) + 0x1000) & ~0x1fff) : x;
}

// mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32: with g = lane / 4 and t = lane % 4, a lane has
// a[i] at row g + 8 (i % 2), column t + 4 (i / 2), b[i] at row t + 4 i, column g, and sum[i] at row
// g + 8 (i / 2), column 2 t + i % 2.
inline void mma(float sum[4], const unsigned a[4], const unsigned b[2]) {
  unsigned mine[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
  const char* all = (const char*)standin_exchange(mine, sizeof mine);
  auto tf32At = [all](int lane, int i) {
    return __int_as_float(((const int*)(all + STANDIN_EXCHANGED * lane))[i] & ~0x1fff);
  };
  int g = threadIdx.x % 32 / 4;
  int t = threadIdx.x % 4;
  for (int i = 0; i < 4; i++) {
    int row = g + 8 * (i / 2);
    int column = 2 * t + i % 2;
    for (int k = 0; k < 8; k++) {
      sum[i] += tf32At(row % 8 * 4 + k % 4, row / 8 + 2 * (k / 4)) * tf32At(column * 4 + k % 4, 4 + k / 4);
    }
  }
}

// Copies the arguments of a launch, as a driver does, and returns the call that one thread makes.
template <typename... A, size_t... I>
std::function<void()>* standinBind(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
  std::tuple<A...> copy(*(A*)arguments[I]...);
  return new std::function<void()>([kernel, copy] { std::apply(kernel, copy); });
}

template <typename... A>
std::function<void()>* standinBind(void (*kernel)(A...), void** arguments) {
  return standinBind(kernel, arguments, std::index_sequence_for<A...>());
}
