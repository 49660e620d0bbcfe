package dev.granula.tensor.internal.simd;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The products inside attention, on packed heap arrays. With {@link #BLOCK} = 64:
 *
 * <ul>
 *   <li>a left-hand side stands row by row with a stride of {@code BLOCK}, and is read along the
 *       rows ({@link #rowTile}) or along the columns ({@link #columnTile}), which is its transpose;
 *   <li>a right-hand side is a panel {@code [depth, PANEL]};
 *   <li>the result has any row stride.
 * </ul>
 *
 * A tile is {@link #ROWS} x {@link #PANEL}: eight accumulators, as many independent chains as hide
 * the latency of a fused multiply-add. The strides are constants so that C2 addresses all four rows
 * from one index. Each tile method is larger than C2's limit for inlining (325 bytecodes), because
 * an inlined copy shares registers with its caller and spills.
 */
final class AttentionTiles {
  /** Keys in a block, rows of queries in a block, and the depth of one left-hand side. */
  static final int BLOCK = 64;

  /** Rows of a tile. */
  static final int ROWS = 4;

  /** Columns of a tile. */
  static final int PANEL = 2 * Simd.LANES;

  private static final VectorSpecies<Float> F32 = Simd.F32;
  private static final int LANES = Simd.LANES;

  private AttentionTiles() {}

  /** {@code c[i, j] (+)= sum over k of a[i, k] b[k, j]} for 4 rows i and PANEL columns j. */
  static void rowTile(
      float[] a,
      int aStart,
      float[] b,
      int bStart,
      int depth,
      float[] c,
      int cStart,
      int cStride,
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
      FloatVector b0 = FloatVector.fromArray(F32, b, bStart + k * PANEL);
      FloatVector b1 = FloatVector.fromArray(F32, b, bStart + k * PANEL + LANES);
      FloatVector a0 = FloatVector.broadcast(F32, a[aStart + k]);
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      FloatVector a1 = FloatVector.broadcast(F32, a[aStart + k + BLOCK]);
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      FloatVector a2 = FloatVector.broadcast(F32, a[aStart + k + 2 * BLOCK]);
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      FloatVector a3 = FloatVector.broadcast(F32, a[aStart + k + 3 * BLOCK]);
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
    }
    int row1 = cStart + cStride;
    int row2 = row1 + cStride;
    int row3 = row2 + cStride;
    if (add) {
      c00.add(FloatVector.fromArray(F32, c, cStart)).intoArray(c, cStart);
      c01.add(FloatVector.fromArray(F32, c, cStart + LANES)).intoArray(c, cStart + LANES);
      c10.add(FloatVector.fromArray(F32, c, row1)).intoArray(c, row1);
      c11.add(FloatVector.fromArray(F32, c, row1 + LANES)).intoArray(c, row1 + LANES);
      c20.add(FloatVector.fromArray(F32, c, row2)).intoArray(c, row2);
      c21.add(FloatVector.fromArray(F32, c, row2 + LANES)).intoArray(c, row2 + LANES);
      c30.add(FloatVector.fromArray(F32, c, row3)).intoArray(c, row3);
      c31.add(FloatVector.fromArray(F32, c, row3 + LANES)).intoArray(c, row3 + LANES);
    } else {
      c00.intoArray(c, cStart);
      c01.intoArray(c, cStart + LANES);
      c10.intoArray(c, row1);
      c11.intoArray(c, row1 + LANES);
      c20.intoArray(c, row2);
      c21.intoArray(c, row2 + LANES);
      c30.intoArray(c, row3);
      c31.intoArray(c, row3 + LANES);
    }
  }

  /** {@code c[i, j] += sum over k of a[k, i] b[k, j]} for 4 columns i and PANEL columns j. */
  static void columnTile(
      float[] a, int aStart, float[] b, int bStart, int depth, float[] c, int cStart, int cStride) {
    FloatVector c00 = FloatVector.zero(F32);
    FloatVector c01 = FloatVector.zero(F32);
    FloatVector c10 = FloatVector.zero(F32);
    FloatVector c11 = FloatVector.zero(F32);
    FloatVector c20 = FloatVector.zero(F32);
    FloatVector c21 = FloatVector.zero(F32);
    FloatVector c30 = FloatVector.zero(F32);
    FloatVector c31 = FloatVector.zero(F32);
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromArray(F32, b, bStart + k * PANEL);
      FloatVector b1 = FloatVector.fromArray(F32, b, bStart + k * PANEL + LANES);
      FloatVector a0 = FloatVector.broadcast(F32, a[aStart + k * BLOCK]);
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      FloatVector a1 = FloatVector.broadcast(F32, a[aStart + k * BLOCK + 1]);
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      FloatVector a2 = FloatVector.broadcast(F32, a[aStart + k * BLOCK + 2]);
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      FloatVector a3 = FloatVector.broadcast(F32, a[aStart + k * BLOCK + 3]);
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
    }
    int row1 = cStart + cStride;
    int row2 = row1 + cStride;
    int row3 = row2 + cStride;
    c00.add(FloatVector.fromArray(F32, c, cStart)).intoArray(c, cStart);
    c01.add(FloatVector.fromArray(F32, c, cStart + LANES)).intoArray(c, cStart + LANES);
    c10.add(FloatVector.fromArray(F32, c, row1)).intoArray(c, row1);
    c11.add(FloatVector.fromArray(F32, c, row1 + LANES)).intoArray(c, row1 + LANES);
    c20.add(FloatVector.fromArray(F32, c, row2)).intoArray(c, row2);
    c21.add(FloatVector.fromArray(F32, c, row2 + LANES)).intoArray(c, row2 + LANES);
    c30.add(FloatVector.fromArray(F32, c, row3)).intoArray(c, row3);
    c31.add(FloatVector.fromArray(F32, c, row3 + LANES)).intoArray(c, row3 + LANES);
  }
}
