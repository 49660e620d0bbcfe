// Lets g++ compile the kernel sources as host C++ for the stand-in driver.
#pragma once
#include <cmath>
#include <cstring>
#include <functional>
#include <tuple>

#define __device__
#define __global__
#define __shared__ static

struct StandInDim {
  unsigned x, y, z;
};

extern "C" {
extern StandInDim standin_threadIdx, standin_blockIdx, standin_blockDim, standin_gridDim;
void standin_barrier();
}

#define threadIdx standin_threadIdx
#define blockIdx standin_blockIdx
#define blockDim standin_blockDim
#define gridDim standin_gridDim
#define __syncthreads standin_barrier

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
