// What attention on tensor cores and its gradient share, after FlashAttention-2 (Dao 2023): F32
// tensors whose heads have HEAD elements, a multiple of 8, and start at multiples of 16 bytes.
//
// A block of WARPS warps owns ROWS rows, of queries or of keys, 16 a warp, and COLS rows of the other
// side at a time go by in shared memory. Scores stay in registers: a lane has x[n][i] at its row
// i / 2 and column 8 n + 2 t + i % 2, and the sums of a row likewise.

#include "mma.cuh"
#include "attention.cuh"

#define WARPS 4
#define ROWS (16 * WARPS)
#define STRIDE (HEAD + 4)  // rows of a fragment lie in different banks
#define TILES (COLS / 8)
#define STEPS (HEAD / 8)
#define LOG2E 1.4426950408889634f

#define LANE (threadIdx.x % 32)
#define GROUP ((int)LANE / 4)
#define MEMBER ((int)LANE % 4)
#define FIRST_ROW (16 * ((int)threadIdx.x / 32))

// Count rows from start on; zeros from end on. Strides of rows fit into an int.
__device__ inline void load(float* tile, int count, const Heads& x, i64 b, i64 head, int start, int end) {
  const float* from = at(x, b, start, head);
  int stride = (int)x.time;
  for (int e = threadIdx.x; e < count * (HEAD / 4); e += 32 * WARPS) {
    int r = e / (HEAD / 4);
    int d = e % (HEAD / 4) * 4;
    float4 value = {0, 0, 0, 0};
    if (start + r < end) {
      value = *(const float4*)(from + ((i64)r * stride + d));
      value.x = kept(value.x);
      value.y = kept(value.y);
      value.z = kept(value.z);
      value.w = kept(value.w);
    }
    *(float4*)(tile + r * STRIDE + d) = value;
  }
}

// x = rows cols^T over the size of a head.
__device__ inline void product(float x[TILES][4], const float* rows, const float* cols) {
#pragma unroll
  for (int n = 0; n < TILES; n++) {
    x[n][0] = x[n][1] = x[n][2] = x[n][3] = 0;
  }
  const float* left = rows + (FIRST_ROW + GROUP) * STRIDE + MEMBER;
  const float* right = cols + GROUP * STRIDE + MEMBER;
#pragma unroll
  for (int d = 0; d < HEAD; d += 8) {
    Fragment<4> a;
    a.set(0, left[d]);
    a.set(1, left[d + 8 * STRIDE]);
    a.set(2, left[d + 4]);
    a.set(3, left[d + 4 + 8 * STRIDE]);
#pragma unroll
    for (int n = 0; n < TILES; n++) {
      Fragment<2> c;
      c.set(0, right[8 * n * STRIDE + d]);
      c.set(1, right[8 * n * STRIDE + d + 4]);
      multiply(x[n], a, c);
    }
  }
}

// sums += x cols. Columns 2 t and 2 t + 1 of x, which a lane has, stand for the columns t and t + 4
// that the tensor core expects: the order of the terms of a sum is free.
__device__ inline void accumulate(float sums[STEPS][4], const float x[TILES][4], const float* cols) {
  const float* right = cols + 2 * MEMBER * STRIDE + GROUP;
#pragma unroll
  for (int n = 0; n < TILES; n++) {
    Fragment<4> a;
    a.set(0, kept(x[n][0]));
    a.set(1, kept(x[n][2]));
    a.set(2, kept(x[n][1]));
    a.set(3, kept(x[n][3]));
#pragma unroll
    for (int d = 0; d < STEPS; d++) {
      Fragment<2> c;
      c.set(0, right[8 * n * STRIDE + 8 * d]);
      c.set(1, right[(8 * n + 1) * STRIDE + 8 * d]);
      multiply(sums[d], a, c);
    }
  }
}

__device__ inline void clear(float sums[STEPS][4]) {
#pragma unroll
  for (int d = 0; d < STEPS; d++) {
    sums[d][0] = sums[d][1] = sums[d][2] = sums[d][3] = 0;
  }
}

// scale[r] times the sums of row r.
__device__ inline void putRows(
    const Heads& out, i64 b, i64 head, int start, int end, const float sums[STEPS][4], const float scale[2], int add) {
#pragma unroll
  for (int r = 0; r < 2; r++) {
    int row = start + FIRST_ROW + GROUP + 8 * r;
    if (row < end) {
      float* to = at(out, b, row, head) + 2 * MEMBER;
#pragma unroll
      for (int d = 0; d < STEPS; d++) {
        float2 value = {scale[r] * sums[d][2 * r], scale[r] * sums[d][2 * r + 1]};
        float2* place = (float2*)(to + 8 * d);
        if (add) {
          value.x += place->x;
          value.y += place->y;
        }
        *place = value;
      }
    }
  }
}

// The first key that one of count queries sees.
__device__ inline int firstOf(const Problem& p, i64 b, int start, int count) {
  if (!p.firstKey) {
    return 0;
  }
  int first = p.keys;
  for (int t = start + LANE; t < start + count && t < p.queries; t += 32) {
    int key = firstVisible(p, b, t);
    first = key < first ? key : first;
  }
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) {
    int other = __float_as_int(exchanged(__int_as_float(first), mask));
    first = other < first ? other : first;
  }
  return first;
}

// The keys that query t sees, from first up to and including last.
struct Range {
  int first;
  int last;
};

__device__ inline Range range(const Problem& p, i64 b, int t) {
  Range seen = {0, -1};
  if (t < p.queries) {
    seen.first = firstVisible(p, b, t);
    seen.last = p.keys - p.queries + t;
  }
  return seen;
}

__device__ inline bool contains(const Range& seen, int key) { return key >= seen.first && key <= seen.last; }
