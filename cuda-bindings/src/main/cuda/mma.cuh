// Products of small matrices by the tensor cores of a warp, from compute capability 8.0 on. They
// multiply TF32, which has the exponent of F32 and 10 bits of fraction, and add in F32. TERMS is 1,
// and factors are rounded once, by kept(); or 3: then a factor is the sum of two TF32, and of their
// four products the smallest is left out, so that what is lost lies below 2^-19 of a product.

#define PARTS (TERMS == 1 ? 1 : 2)

#ifdef __CUDACC__
// The nearest TF32, which takes some five instructions.
__device__ inline float tf32(float x) {
  unsigned bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return __int_as_float((int)bits);
}

// sum += a b of 16 x 8 and 8 x 8. With g = lane / 4 and t = lane % 4, a lane has
// a[i] at row g + 8 (i % 2), column t + 4 (i / 2); b[i] at row t + 4 i, column g; and
// sum[i] at row g + 8 (i / 2), column 2 t + i % 2.
__device__ inline void mma(float sum[4], const unsigned a[4], const unsigned b[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#define DYNAMIC_SHARED(type, name) extern __shared__ type name[]
#endif

__device__ inline float kept(float x) { return TERMS == 1 ? tf32(x) : x; }

// What one lane holds of a factor: N is 4 for the left and 2 for the right one.
template <int N>
struct Fragment {
  unsigned part[PARTS][N];

  // Of a number that was kept. The first part is cut off, not rounded, which takes one instruction;
  // of infinity the second one is NaN.
  __device__ inline void set(int i, float x) {
    unsigned bits = (unsigned)__float_as_int(x);
    part[0][i] = bits;
    if (PARTS == 2) {
      part[0][i] = bits & 0xffffe000u;
      float rest = x - __int_as_float((int)part[0][i]);
      part[PARTS - 1][i] = (unsigned)__float_as_int(rest) & 0xffffe000u;
    }
  }
};

// Tensor cores cut off what they add instead of rounding it. With three terms eight products are
// added up at a time, and those sums outside of them, where additions round (Ootomo and Yokota 2022).
__device__ inline void multiply(float sum[4], const Fragment<4>& a, const Fragment<2>& b) {
  if (PARTS == 1) {
    mma(sum, a.part[0], b.part[0]);
    return;
  }
  float eight[4] = {0, 0, 0, 0};
  mma(eight, a.part[PARTS - 1], b.part[0]);
  mma(eight, a.part[0], b.part[PARTS - 1]);
  mma(eight, a.part[0], b.part[0]);
#pragma unroll
  for (int i = 0; i < 4; i++) {
    sum[i] += eight[i];
  }
}
