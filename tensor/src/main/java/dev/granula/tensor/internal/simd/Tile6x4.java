package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.Simd.F32;
import static dev.granula.tensor.internal.simd.Simd.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * 6 rows x 4 vectors, for the 32 registers of AVX-512: 24 accumulators, 4 right-hand vectors and a
 * broadcast. It loads 10 vectors for 24 fused multiply-adds; 4 x 2 loads 6 for 8, and two loads a
 * cycle are what the processor has.
 */
final class Tile6x4 {
  static final int ROWS = 6;
  static final int COLS = 4 * LANES;

  private Tile6x4() {}

  /** As {@link MatmulKernel#tile} says, for {@link #ROWS} rows and {@link #COLS} columns. */
  static void tile(
      float[] lhs, int l, float[] rhs, int r, int depth, float[] tile, int from, int at) {
    FloatVector c0x0 = FloatVector.fromArray(F32, tile, from);
    FloatVector c0x1 = FloatVector.fromArray(F32, tile, from + LANES);
    FloatVector c0x2 = FloatVector.fromArray(F32, tile, from + 2 * LANES);
    FloatVector c0x3 = FloatVector.fromArray(F32, tile, from + 3 * LANES);
    FloatVector c1x0 = FloatVector.fromArray(F32, tile, from + COLS);
    FloatVector c1x1 = FloatVector.fromArray(F32, tile, from + COLS + LANES);
    FloatVector c1x2 = FloatVector.fromArray(F32, tile, from + COLS + 2 * LANES);
    FloatVector c1x3 = FloatVector.fromArray(F32, tile, from + COLS + 3 * LANES);
    FloatVector c2x0 = FloatVector.fromArray(F32, tile, from + 2 * COLS);
    FloatVector c2x1 = FloatVector.fromArray(F32, tile, from + 2 * COLS + LANES);
    FloatVector c2x2 = FloatVector.fromArray(F32, tile, from + 2 * COLS + 2 * LANES);
    FloatVector c2x3 = FloatVector.fromArray(F32, tile, from + 2 * COLS + 3 * LANES);
    FloatVector c3x0 = FloatVector.fromArray(F32, tile, from + 3 * COLS);
    FloatVector c3x1 = FloatVector.fromArray(F32, tile, from + 3 * COLS + LANES);
    FloatVector c3x2 = FloatVector.fromArray(F32, tile, from + 3 * COLS + 2 * LANES);
    FloatVector c3x3 = FloatVector.fromArray(F32, tile, from + 3 * COLS + 3 * LANES);
    FloatVector c4x0 = FloatVector.fromArray(F32, tile, from + 4 * COLS);
    FloatVector c4x1 = FloatVector.fromArray(F32, tile, from + 4 * COLS + LANES);
    FloatVector c4x2 = FloatVector.fromArray(F32, tile, from + 4 * COLS + 2 * LANES);
    FloatVector c4x3 = FloatVector.fromArray(F32, tile, from + 4 * COLS + 3 * LANES);
    FloatVector c5x0 = FloatVector.fromArray(F32, tile, from + 5 * COLS);
    FloatVector c5x1 = FloatVector.fromArray(F32, tile, from + 5 * COLS + LANES);
    FloatVector c5x2 = FloatVector.fromArray(F32, tile, from + 5 * COLS + 2 * LANES);
    FloatVector c5x3 = FloatVector.fromArray(F32, tile, from + 5 * COLS + 3 * LANES);
    int end = l + depth;
    for (int a = l; a < end; a++) {
      int b = r + (a - l) * COLS;
      FloatVector b0 = FloatVector.fromArray(F32, rhs, b);
      FloatVector b1 = FloatVector.fromArray(F32, rhs, b + LANES);
      FloatVector b2 = FloatVector.fromArray(F32, rhs, b + 2 * LANES);
      FloatVector b3 = FloatVector.fromArray(F32, rhs, b + 3 * LANES);
      FloatVector a0 = FloatVector.broadcast(F32, lhs[a]);
      c0x0 = a0.fma(b0, c0x0);
      c0x1 = a0.fma(b1, c0x1);
      c0x2 = a0.fma(b2, c0x2);
      c0x3 = a0.fma(b3, c0x3);
      FloatVector a1 = FloatVector.broadcast(F32, lhs[a + LHS_STRIDE]);
      c1x0 = a1.fma(b0, c1x0);
      c1x1 = a1.fma(b1, c1x1);
      c1x2 = a1.fma(b2, c1x2);
      c1x3 = a1.fma(b3, c1x3);
      FloatVector a2 = FloatVector.broadcast(F32, lhs[a + 2 * LHS_STRIDE]);
      c2x0 = a2.fma(b0, c2x0);
      c2x1 = a2.fma(b1, c2x1);
      c2x2 = a2.fma(b2, c2x2);
      c2x3 = a2.fma(b3, c2x3);
      FloatVector a3 = FloatVector.broadcast(F32, lhs[a + 3 * LHS_STRIDE]);
      c3x0 = a3.fma(b0, c3x0);
      c3x1 = a3.fma(b1, c3x1);
      c3x2 = a3.fma(b2, c3x2);
      c3x3 = a3.fma(b3, c3x3);
      FloatVector a4 = FloatVector.broadcast(F32, lhs[a + 4 * LHS_STRIDE]);
      c4x0 = a4.fma(b0, c4x0);
      c4x1 = a4.fma(b1, c4x1);
      c4x2 = a4.fma(b2, c4x2);
      c4x3 = a4.fma(b3, c4x3);
      FloatVector a5 = FloatVector.broadcast(F32, lhs[a + 5 * LHS_STRIDE]);
      c5x0 = a5.fma(b0, c5x0);
      c5x1 = a5.fma(b1, c5x1);
      c5x2 = a5.fma(b2, c5x2);
      c5x3 = a5.fma(b3, c5x3);
    }
    c0x0.intoArray(tile, at);
    c0x1.intoArray(tile, at + LANES);
    c0x2.intoArray(tile, at + 2 * LANES);
    c0x3.intoArray(tile, at + 3 * LANES);
    c1x0.intoArray(tile, at + COLS);
    c1x1.intoArray(tile, at + COLS + LANES);
    c1x2.intoArray(tile, at + COLS + 2 * LANES);
    c1x3.intoArray(tile, at + COLS + 3 * LANES);
    c2x0.intoArray(tile, at + 2 * COLS);
    c2x1.intoArray(tile, at + 2 * COLS + LANES);
    c2x2.intoArray(tile, at + 2 * COLS + 2 * LANES);
    c2x3.intoArray(tile, at + 2 * COLS + 3 * LANES);
    c3x0.intoArray(tile, at + 3 * COLS);
    c3x1.intoArray(tile, at + 3 * COLS + LANES);
    c3x2.intoArray(tile, at + 3 * COLS + 2 * LANES);
    c3x3.intoArray(tile, at + 3 * COLS + 3 * LANES);
    c4x0.intoArray(tile, at + 4 * COLS);
    c4x1.intoArray(tile, at + 4 * COLS + LANES);
    c4x2.intoArray(tile, at + 4 * COLS + 2 * LANES);
    c4x3.intoArray(tile, at + 4 * COLS + 3 * LANES);
    c5x0.intoArray(tile, at + 5 * COLS);
    c5x1.intoArray(tile, at + 5 * COLS + LANES);
    c5x2.intoArray(tile, at + 5 * COLS + 2 * LANES);
    c5x3.intoArray(tile, at + 5 * COLS + 3 * LANES);
  }
}
