package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.Simd.F32;
import static dev.granula.tensor.internal.simd.Simd.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * 4 rows x 2 vectors, for the 16 registers of AVX2: eight accumulators hide the latency of fused
 * multiply-adds on two units and, with two right-hand vectors and a broadcast, fit.
 */
final class Tile4x2 {
  static final int ROWS = 4;
  static final int COLS = 2 * LANES;

  private Tile4x2() {}

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
    }
    c0x0.intoArray(tile, at);
    c0x1.intoArray(tile, at + LANES);
    c1x0.intoArray(tile, at + COLS);
    c1x1.intoArray(tile, at + COLS + LANES);
    c2x0.intoArray(tile, at + 2 * COLS);
    c2x1.intoArray(tile, at + 2 * COLS + LANES);
    c3x0.intoArray(tile, at + 3 * COLS);
    c3x1.intoArray(tile, at + 3 * COLS + LANES);
  }
}
