// Tiles of attention for any type and any size of head. HEAD is the size of a head, TILE the number
// of queries and of keys in a tile; both are fixed when this is compiled, and forward and backward
// have room for different ones.
//
// A block has SIDE x SIDE threads. Thread (ty, tx) owns the scores of rows ty + SIDE r and columns
// tx + SIDE c of a tile, and the elements tx + SIDE c of the sums for those rows.

#include "attention.cuh"

#define SIDE (TILE < 16 ? TILE : 16)
#define SPAN (TILE / SIDE)
#define COLUMNS ((HEAD + SIDE - 1) / SIDE)

// Padded by one, so that the rows of a column lie in different banks.
typedef real Tile[TILE][HEAD + 1];
typedef real Scores[TILE][TILE + 1];

__device__ inline bool visible(const Problem& p, i64 b, int t, int s) {
  return t < p.queries && s < p.keys && s <= p.keys - p.queries + t && s >= firstVisible(p, b, t);
}

// Rows from start on; zeros from end on.
__device__ inline void load(Tile tile, const Heads& t, i64 b, i64 head, int start, int end) {
  for (int e = threadIdx.x; e < TILE * HEAD; e += SIDE * SIDE) {
    int r = e / HEAD;
    tile[r][e % HEAD] = start + r < end ? at(t, b, start + r, head)[e % HEAD] : (real)0;
  }
}

// out = a b^T over the size of a head.
__device__ inline void product(real out[SPAN][SPAN], const Tile a, const Tile b) {
  int ty = threadIdx.x / SIDE;
  int tx = threadIdx.x % SIDE;
  for (int r = 0; r < SPAN; r++) {
    for (int c = 0; c < SPAN; c++) {
      out[r][c] = 0;
    }
  }
  for (int d = 0; d < HEAD; d++) {
    for (int r = 0; r < SPAN; r++) {
      for (int c = 0; c < SPAN; c++) {
        out[r][c] += a[ty + SIDE * r][d] * b[tx + SIDE * c][d];
      }
    }
  }
}

// sums += weights tile, or weights^T tile.
template <bool TRANSPOSED>
__device__ inline void accumulate(real sums[SPAN][COLUMNS], const Scores weights, const Tile tile) {
  int ty = threadIdx.x / SIDE;
  int tx = threadIdx.x % SIDE;
  for (int j = 0; j < TILE; j++) {
    for (int c = 0; c < COLUMNS; c++) {
      int d = tx + SIDE * c;
      real value = d < HEAD ? tile[j][d] : (real)0;
      for (int r = 0; r < SPAN; r++) {
        int i = ty + SIDE * r;
        sums[r][c] += (TRANSPOSED ? weights[j][i] : weights[i][j]) * value;
      }
    }
  }
}

__device__ inline void clear(real sums[SPAN][COLUMNS]) {
  for (int r = 0; r < SPAN; r++) {
    for (int c = 0; c < COLUMNS; c++) {
      sums[r][c] = 0;
    }
  }
}

__device__ inline void putTile(
    const Heads& out, i64 b, i64 head, int start, int end, real sums[SPAN][COLUMNS], real scale, int add) {
  int ty = threadIdx.x / SIDE;
  int tx = threadIdx.x % SIDE;
  for (int r = 0; r < SPAN; r++) {
    for (int c = 0; c < COLUMNS; c++) {
      int t = start + ty + SIDE * r;
      int d = tx + SIDE * c;
      if (t < end && d < HEAD) {
        put(at(out, b, t, head) + d, scale * sums[r][c], add);
      }
    }
  }
}

// The first key of a tile of queries, rounded down to a tile of keys.
__device__ inline int firstOfTile(const Problem& p, i64 b, int start) {
  int first = p.keys;
  for (int t = start; t < start + TILE && t < p.queries; t++) {
    int key = firstVisible(p, b, t);
    first = key < first ? key : first;
  }
  return first / TILE * TILE;
}
