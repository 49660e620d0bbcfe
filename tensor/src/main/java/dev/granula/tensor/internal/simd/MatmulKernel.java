package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.Simd.F32;
import static dev.granula.tensor.internal.simd.Simd.LANES;
import static dev.granula.tensor.internal.simd.Simd.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The innermost part of every product: one {@link #ROWS} x {@link #COLS} tile of the result, from
 * packed panels. Eight accumulators hide the latency of fused multiply-adds on two units and, with
 * two right-hand vectors and a broadcast, fit the 16 registers of AVX2; with the 32 of AVX-512,
 * larger tiles were no faster or made C2 spill.
 */
final class MatmulKernel {
  /** Rows of a tile. */
  static final int ROWS = 4;

  /** Columns of a tile: two vectors. */
  static final int COLS = 2 * LANES;

  /**
   * Depth of a packed block. It decides where the chain of fused multiply-adds of a result is cut,
   * hence its bits, so it is the same for every vector width.
   */
  static final int DEPTH = 256;

  /**
   * Distance of rows in a left-hand panel. A constant, or C2 would not fold it into addresses; one
   * cache line more than {@link #DEPTH}, so that rows do not compete for the same cache sets.
   */
  static final int LHS_STRIDE = DEPTH + 16;

  private MatmulKernel() {}

  /**
   * {@code out = scale * lhs rhs}, or {@code out += scale * lhs rhs} if {@code add}; element (r, c)
   * is one chain of fused multiply-adds in order of k.
   *
   * <p>Written out so that it exceeds 325 bytecodes and C2 never inlines it: inlined at a second
   * call site it runs at half the speed.
   *
   * @param lhs element (r, k) at {@code l + r * LHS_STRIDE + k}
   * @param rhs element (k, c) at {@code r + k * COLS + c}
   * @param out native memory; element (r, c) at byte {@code at + r * rowBytes + c * 4}
   */
  static void tile(
      float[] lhs,
      int l,
      float[] rhs,
      int r,
      int depth,
      MemorySegment out,
      long at,
      long rowBytes,
      float scale,
      boolean add) {
    FloatVector c00 = FloatVector.zero(F32);
    FloatVector c01 = FloatVector.zero(F32);
    FloatVector c10 = FloatVector.zero(F32);
    FloatVector c11 = FloatVector.zero(F32);
    FloatVector c20 = FloatVector.zero(F32);
    FloatVector c21 = FloatVector.zero(F32);
    FloatVector c30 = FloatVector.zero(F32);
    FloatVector c31 = FloatVector.zero(F32);
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromArray(F32, rhs, r + k * COLS);
      FloatVector b1 = FloatVector.fromArray(F32, rhs, r + k * COLS + LANES);
      FloatVector a0 = FloatVector.broadcast(F32, lhs[l + k]);
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      FloatVector a1 = FloatVector.broadcast(F32, lhs[l + k + LHS_STRIDE]);
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      FloatVector a2 = FloatVector.broadcast(F32, lhs[l + k + 2 * LHS_STRIDE]);
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      FloatVector a3 = FloatVector.broadcast(F32, lhs[l + k + 3 * LHS_STRIDE]);
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
    }
    long row1 = at + rowBytes;
    long row2 = row1 + rowBytes;
    long row3 = row2 + rowBytes;
    if (add) {
      FloatVector s = FloatVector.broadcast(F32, scale);
      c00.fma(s, FloatVector.fromMemorySegment(F32, out, at, ORDER))
          .intoMemorySegment(out, at, ORDER);
      c01.fma(s, FloatVector.fromMemorySegment(F32, out, at + 4 * LANES, ORDER))
          .intoMemorySegment(out, at + 4 * LANES, ORDER);
      c10.fma(s, FloatVector.fromMemorySegment(F32, out, row1, ORDER))
          .intoMemorySegment(out, row1, ORDER);
      c11.fma(s, FloatVector.fromMemorySegment(F32, out, row1 + 4 * LANES, ORDER))
          .intoMemorySegment(out, row1 + 4 * LANES, ORDER);
      c20.fma(s, FloatVector.fromMemorySegment(F32, out, row2, ORDER))
          .intoMemorySegment(out, row2, ORDER);
      c21.fma(s, FloatVector.fromMemorySegment(F32, out, row2 + 4 * LANES, ORDER))
          .intoMemorySegment(out, row2 + 4 * LANES, ORDER);
      c30.fma(s, FloatVector.fromMemorySegment(F32, out, row3, ORDER))
          .intoMemorySegment(out, row3, ORDER);
      c31.fma(s, FloatVector.fromMemorySegment(F32, out, row3 + 4 * LANES, ORDER))
          .intoMemorySegment(out, row3 + 4 * LANES, ORDER);
    } else {
      c00.mul(scale).intoMemorySegment(out, at, ORDER);
      c01.mul(scale).intoMemorySegment(out, at + 4 * LANES, ORDER);
      c10.mul(scale).intoMemorySegment(out, row1, ORDER);
      c11.mul(scale).intoMemorySegment(out, row1 + 4 * LANES, ORDER);
      c20.mul(scale).intoMemorySegment(out, row2, ORDER);
      c21.mul(scale).intoMemorySegment(out, row2 + 4 * LANES, ORDER);
      c30.mul(scale).intoMemorySegment(out, row3, ORDER);
      c31.mul(scale).intoMemorySegment(out, row3 + 4 * LANES, ORDER);
    }
  }
}
