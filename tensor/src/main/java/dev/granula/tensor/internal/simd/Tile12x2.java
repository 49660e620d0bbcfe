package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.Simd.F32;
import static dev.granula.tensor.internal.simd.Simd.LANES;

import jdk.incubator.vector.FloatVector;

/** 12 rows x 2 vectors, for the 32 registers of AVX-512 where a panel has few columns. */
final class Tile12x2 {
  static final int ROWS = 12;
  static final int COLS = 2 * LANES;

  private Tile12x2() {}

  /** As {@link MatmulKernel#tile} says, for {@link #ROWS} rows and {@link #COLS} columns. */
  static void tile(
      float[] lhs, int l, float[] rhs, int r, int depth, float[] tile, int from, int at) {
    FloatVector c0x0 = FloatVector.fromArray(F32, tile, from);
    FloatVector c0x1 = FloatVector.fromArray(F32, tile, from + LANES);
    FloatVector c1x0 = FloatVector.fromArray(F32, tile, from + COLS);
    FloatVector c1x1 = FloatVector.fromArray(F32, tile, from + COLS + LANES);
    FloatVector c2x0 = FloatVector.fromArray(F32, tile, from + 2 * COLS);
    FloatVector c2x1 = FloatVector.fromArray(F32, tile, from + 2 * COLS + LANES);
    FloatVector c3x0 = FloatVector.fromArray(F32, tile, from + 3 * COLS);
    FloatVector c3x1 = FloatVector.fromArray(F32, tile, from + 3 * COLS + LANES);
    FloatVector c4x0 = FloatVector.fromArray(F32, tile, from + 4 * COLS);
    FloatVector c4x1 = FloatVector.fromArray(F32, tile, from + 4 * COLS + LANES);
    FloatVector c5x0 = FloatVector.fromArray(F32, tile, from + 5 * COLS);
    FloatVector c5x1 = FloatVector.fromArray(F32, tile, from + 5 * COLS + LANES);
    FloatVector c6x0 = FloatVector.fromArray(F32, tile, from + 6 * COLS);
    FloatVector c6x1 = FloatVector.fromArray(F32, tile, from + 6 * COLS + LANES);
    FloatVector c7x0 = FloatVector.fromArray(F32, tile, from + 7 * COLS);
    FloatVector c7x1 = FloatVector.fromArray(F32, tile, from + 7 * COLS + LANES);
    FloatVector c8x0 = FloatVector.fromArray(F32, tile, from + 8 * COLS);
    FloatVector c8x1 = FloatVector.fromArray(F32, tile, from + 8 * COLS + LANES);
    FloatVector c9x0 = FloatVector.fromArray(F32, tile, from + 9 * COLS);
    FloatVector c9x1 = FloatVector.fromArray(F32, tile, from + 9 * COLS + LANES);
    FloatVector c10x0 = FloatVector.fromArray(F32, tile, from + 10 * COLS);
    FloatVector c10x1 = FloatVector.fromArray(F32, tile, from + 10 * COLS + LANES);
    FloatVector c11x0 = FloatVector.fromArray(F32, tile, from + 11 * COLS);
    FloatVector c11x1 = FloatVector.fromArray(F32, tile, from + 11 * COLS + LANES);
    int end = l + depth;
    for (int a = l; a < end; a++) {
      int b = r + (a - l) * COLS;
      FloatVector b0 = FloatVector.fromArray(F32, rhs, b);
      FloatVector b1 = FloatVector.fromArray(F32, rhs, b + LANES);
      FloatVector a0 = FloatVector.broadcast(F32, lhs[a]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      FloatVector a1 = FloatVector.broadcast(F32, lhs[a + LHS_STRIDE]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      FloatVector a2 = FloatVector.broadcast(F32, lhs[a + 2 * LHS_STRIDE]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      FloatVector a3 = FloatVector.broadcast(F32, lhs[a + 3 * LHS_STRIDE]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
      FloatVector a4 = FloatVector.broadcast(F32, lhs[a + 4 * LHS_STRIDE]);
      c4x0 = a4.fma(b0, c4x0);
      c4x1 = a4.fma(b1, c4x1);
      FloatVector a5 = FloatVector.broadcast(F32, lhs[a + 5 * LHS_STRIDE]);
      c5x0 = a5.fma(b0, c5x0);
      c5x1 = a5.fma(b1, c5x1);
      FloatVector a6 = FloatVector.broadcast(F32, lhs[a + 6 * LHS_STRIDE]);
      c6x0 = a6.fma(b0, c6x0);
      c6x1 = a6.fma(b1, c6x1);
      FloatVector a7 = FloatVector.broadcast(F32, lhs[a + 7 * LHS_STRIDE]);
      c7x0 = a7.fma(b0, c7x0);
      c7x1 = a7.fma(b1, c7x1);
      FloatVector a8 = FloatVector.broadcast(F32, lhs[a + 8 * LHS_STRIDE]);
      c8x0 = a8.fma(b0, c8x0);
      c8x1 = a8.fma(b1, c8x1);
      FloatVector a9 = FloatVector.broadcast(F32, lhs[a + 9 * LHS_STRIDE]);
      c9x0 = a9.fma(b0, c9x0);
      c9x1 = a9.fma(b1, c9x1);
      FloatVector a10 = FloatVector.broadcast(F32, lhs[a + 10 * LHS_STRIDE]);
      c10x0 = a10.fma(b0, c10x0);
      c10x1 = a10.fma(b1, c10x1);
      FloatVector a11 = FloatVector.broadcast(F32, lhs[a + 11 * LHS_STRIDE]);
      c11x0 = a11.fma(b0, c11x0);
      c11x1 = a11.fma(b1, c11x1);
    }
    c0x0.intoArray(tile, at);
    c0x1.intoArray(tile, at + LANES);
    c1x0.intoArray(tile, at + COLS);
    c1x1.intoArray(tile, at + COLS + LANES);
    c2x0.intoArray(tile, at + 2 * COLS);
    c2x1.intoArray(tile, at + 2 * COLS + LANES);
    c3x0.intoArray(tile, at + 3 * COLS);
    c3x1.intoArray(tile, at + 3 * COLS + LANES);
    c4x0.intoArray(tile, at + 4 * COLS);
    c4x1.intoArray(tile, at + 4 * COLS + LANES);
    c5x0.intoArray(tile, at + 5 * COLS);
    c5x1.intoArray(tile, at + 5 * COLS + LANES);
    c6x0.intoArray(tile, at + 6 * COLS);
    c6x1.intoArray(tile, at + 6 * COLS + LANES);
    c7x0.intoArray(tile, at + 7 * COLS);
    c7x1.intoArray(tile, at + 7 * COLS + LANES);
    c8x0.intoArray(tile, at + 8 * COLS);
    c8x1.intoArray(tile, at + 8 * COLS + LANES);
    c9x0.intoArray(tile, at + 9 * COLS);
    c9x1.intoArray(tile, at + 9 * COLS + LANES);
    c10x0.intoArray(tile, at + 10 * COLS);
    c10x1.intoArray(tile, at + 10 * COLS + LANES);
    c11x0.intoArray(tile, at + 11 * COLS);
    c11x1.intoArray(tile, at + 11 * COLS + LANES);
  }
}
