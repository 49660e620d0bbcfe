package dev.granula.tensor.internal.simd;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The products inside attention, on matrices that stand row by row in one heap array with a stride
 * of {@link #STRIDE}. The left-hand side is read along its rows ({@link #rows}) or along its
 * columns ({@link #columns}), which is its transpose; the right-hand side [depth, columns] and the
 * result are read and written by vectors.
 *
 * <p>A tile is {@link #ROWS} rows by four vectors where there are 32 vector registers (512 bits),
 * and by {@link #NARROW}, two vectors, elsewhere and for what remains: 16 or 8 accumulators, enough
 * independent chains to hide the latency of a fused multiply-add. The stride is a constant so that
 * C2 addresses all rows from one index, and loops count in elements of an operand instead of steps,
 * which leaves fewer sums to compute in each. Each tile method is larger than C2's limit for
 * inlining (325 bytecodes), because an inlined copy shares registers with its caller and spills.
 */
final class AttentionTiles {
  /** Row stride of every matrix, and so the most columns of one. */
  static final int STRIDE = 64;

  /** Rows of a tile. */
  static final int ROWS = 4;

  /** Columns of the narrow tile; the number of columns of a product is a multiple of it. */
  static final int NARROW = 2 * Simd.LANES;

  private static final int WIDE = 4 * Simd.LANES;
  private static final boolean HAS_WIDE = Simd.LANES == 16;
  private static final VectorSpecies<Float> F32 = Simd.F32;
  private static final int LANES = Simd.LANES;

  private AttentionTiles() {}

  /**
   * {@code c[i, j] (+)= sum over k of a[i, k] b[k, j]} for 4 rows i and {@code columns} columns j.
   * The operands begin at positions {@code a}, {@code b} and {@code c} of {@code f}.
   */
  static void rows(float[] f, int a, int b, int columns, int depth, int c, boolean add) {
    int j = 0;
    for (; HAS_WIDE && j + WIDE <= columns; j += WIDE) {
      rowTileWide(f, a, b + j, depth, c + j, add);
    }
    for (; j < columns; j += NARROW) {
      rowTile(f, a, b + j, depth, c + j, add);
    }
  }

  /** {@code c[i, j] (+)= sum over k of a[k, i] b[k, j]}, else as {@link #rows}. */
  static void columns(float[] f, int a, int b, int columns, int depth, int c, boolean add) {
    int j = 0;
    for (; HAS_WIDE && j + WIDE <= columns; j += WIDE) {
      columnTileWide(f, a, b + j, depth, c + j, add);
    }
    for (; j < columns; j += NARROW) {
      columnTile(f, a, b + j, depth, c + j, add);
    }
  }

  static List<Runnable> rehearsals() {
    int b = STRIDE * STRIDE;
    int c = 2 * b;
    float[] f = new float[3 * b];
    int widest = HAS_WIDE ? WIDE : NARROW;
    List<Runnable> parts = new ArrayList<>();
    parts.add(() -> bothWays(add -> rows(f, 0, b, widest, Rehearsal.DEPTH, c, add)));
    parts.add(() -> bothWays(add -> columns(f, 0, b, widest, Rehearsal.DEPTH, c, add)));
    if (widest > NARROW) {
      // Narrow columns are for what heads of other sizes than 64 and 128 leave.
      parts.add(() -> bothWays(add -> rows(f, 0, b, NARROW, Rehearsal.DEPTH, c, add)));
    }
    return parts;
  }

  private static void bothWays(Consumer<Boolean> tile) {
    tile.accept(false);
    tile.accept(true);
  }

  private static void rowTile(float[] f, int a, int b, int depth, int c, boolean add) {
    FloatVector c00 = FloatVector.zero(F32);
    FloatVector c01 = FloatVector.zero(F32);
    FloatVector c10 = FloatVector.zero(F32);
    FloatVector c11 = FloatVector.zero(F32);
    FloatVector c20 = FloatVector.zero(F32);
    FloatVector c21 = FloatVector.zero(F32);
    FloatVector c30 = FloatVector.zero(F32);
    FloatVector c31 = FloatVector.zero(F32);
    int end = a + depth;
    for (int p = a; p < end; p++) {
      int q = b + (p - a) * STRIDE;
      FloatVector b0 = FloatVector.fromArray(F32, f, q);
      FloatVector b1 = FloatVector.fromArray(F32, f, q + LANES);
      FloatVector a0 = FloatVector.broadcast(F32, f[p]);
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      FloatVector a1 = FloatVector.broadcast(F32, f[p + STRIDE]);
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      FloatVector a2 = FloatVector.broadcast(F32, f[p + 2 * STRIDE]);
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      FloatVector a3 = FloatVector.broadcast(F32, f[p + 3 * STRIDE]);
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
    }
    if (add) {
      c00 = c00.add(FloatVector.fromArray(F32, f, c));
      c01 = c01.add(FloatVector.fromArray(F32, f, c + LANES));
      c10 = c10.add(FloatVector.fromArray(F32, f, c + STRIDE));
      c11 = c11.add(FloatVector.fromArray(F32, f, c + STRIDE + LANES));
      c20 = c20.add(FloatVector.fromArray(F32, f, c + 2 * STRIDE));
      c21 = c21.add(FloatVector.fromArray(F32, f, c + 2 * STRIDE + LANES));
      c30 = c30.add(FloatVector.fromArray(F32, f, c + 3 * STRIDE));
      c31 = c31.add(FloatVector.fromArray(F32, f, c + 3 * STRIDE + LANES));
    }
    c00.intoArray(f, c);
    c01.intoArray(f, c + LANES);
    c10.intoArray(f, c + STRIDE);
    c11.intoArray(f, c + STRIDE + LANES);
    c20.intoArray(f, c + 2 * STRIDE);
    c21.intoArray(f, c + 2 * STRIDE + LANES);
    c30.intoArray(f, c + 3 * STRIDE);
    c31.intoArray(f, c + 3 * STRIDE + LANES);
  }

  private static void rowTileWide(float[] f, int a, int b, int depth, int c, boolean add) {
    FloatVector c00 = FloatVector.zero(F32);
    FloatVector c01 = FloatVector.zero(F32);
    FloatVector c02 = FloatVector.zero(F32);
    FloatVector c03 = FloatVector.zero(F32);
    FloatVector c10 = FloatVector.zero(F32);
    FloatVector c11 = FloatVector.zero(F32);
    FloatVector c12 = FloatVector.zero(F32);
    FloatVector c13 = FloatVector.zero(F32);
    FloatVector c20 = FloatVector.zero(F32);
    FloatVector c21 = FloatVector.zero(F32);
    FloatVector c22 = FloatVector.zero(F32);
    FloatVector c23 = FloatVector.zero(F32);
    FloatVector c30 = FloatVector.zero(F32);
    FloatVector c31 = FloatVector.zero(F32);
    FloatVector c32 = FloatVector.zero(F32);
    FloatVector c33 = FloatVector.zero(F32);
    int end = a + depth;
    for (int p = a; p < end; p++) {
      int q = b + (p - a) * STRIDE;
      FloatVector b0 = FloatVector.fromArray(F32, f, q);
      FloatVector b1 = FloatVector.fromArray(F32, f, q + LANES);
      FloatVector b2 = FloatVector.fromArray(F32, f, q + 2 * LANES);
      FloatVector b3 = FloatVector.fromArray(F32, f, q + 3 * LANES);
      FloatVector a0 = FloatVector.broadcast(F32, f[p]);
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      c02 = a0.fma(b2, c02);
      c03 = a0.fma(b3, c03);
      FloatVector a1 = FloatVector.broadcast(F32, f[p + STRIDE]);
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      c12 = a1.fma(b2, c12);
      c13 = a1.fma(b3, c13);
      FloatVector a2 = FloatVector.broadcast(F32, f[p + 2 * STRIDE]);
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      c22 = a2.fma(b2, c22);
      c23 = a2.fma(b3, c23);
      FloatVector a3 = FloatVector.broadcast(F32, f[p + 3 * STRIDE]);
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
      c32 = a3.fma(b2, c32);
      c33 = a3.fma(b3, c33);
    }
    if (add) {
      c00 = c00.add(FloatVector.fromArray(F32, f, c));
      c01 = c01.add(FloatVector.fromArray(F32, f, c + LANES));
      c02 = c02.add(FloatVector.fromArray(F32, f, c + 2 * LANES));
      c03 = c03.add(FloatVector.fromArray(F32, f, c + 3 * LANES));
      c10 = c10.add(FloatVector.fromArray(F32, f, c + STRIDE));
      c11 = c11.add(FloatVector.fromArray(F32, f, c + STRIDE + LANES));
      c12 = c12.add(FloatVector.fromArray(F32, f, c + STRIDE + 2 * LANES));
      c13 = c13.add(FloatVector.fromArray(F32, f, c + STRIDE + 3 * LANES));
      c20 = c20.add(FloatVector.fromArray(F32, f, c + 2 * STRIDE));
      c21 = c21.add(FloatVector.fromArray(F32, f, c + 2 * STRIDE + LANES));
      c22 = c22.add(FloatVector.fromArray(F32, f, c + 2 * STRIDE + 2 * LANES));
      c23 = c23.add(FloatVector.fromArray(F32, f, c + 2 * STRIDE + 3 * LANES));
      c30 = c30.add(FloatVector.fromArray(F32, f, c + 3 * STRIDE));
      c31 = c31.add(FloatVector.fromArray(F32, f, c + 3 * STRIDE + LANES));
      c32 = c32.add(FloatVector.fromArray(F32, f, c + 3 * STRIDE + 2 * LANES));
      c33 = c33.add(FloatVector.fromArray(F32, f, c + 3 * STRIDE + 3 * LANES));
    }
    c00.intoArray(f, c);
    c01.intoArray(f, c + LANES);
    c02.intoArray(f, c + 2 * LANES);
    c03.intoArray(f, c + 3 * LANES);
    c10.intoArray(f, c + STRIDE);
    c11.intoArray(f, c + STRIDE + LANES);
    c12.intoArray(f, c + STRIDE + 2 * LANES);
    c13.intoArray(f, c + STRIDE + 3 * LANES);
    c20.intoArray(f, c + 2 * STRIDE);
    c21.intoArray(f, c + 2 * STRIDE + LANES);
    c22.intoArray(f, c + 2 * STRIDE + 2 * LANES);
    c23.intoArray(f, c + 2 * STRIDE + 3 * LANES);
    c30.intoArray(f, c + 3 * STRIDE);
    c31.intoArray(f, c + 3 * STRIDE + LANES);
    c32.intoArray(f, c + 3 * STRIDE + 2 * LANES);
    c33.intoArray(f, c + 3 * STRIDE + 3 * LANES);
  }

  private static void columnTile(float[] f, int a, int b, int depth, int c, boolean add) {
    FloatVector c00 = FloatVector.zero(F32);
    FloatVector c01 = FloatVector.zero(F32);
    FloatVector c10 = FloatVector.zero(F32);
    FloatVector c11 = FloatVector.zero(F32);
    FloatVector c20 = FloatVector.zero(F32);
    FloatVector c21 = FloatVector.zero(F32);
    FloatVector c30 = FloatVector.zero(F32);
    FloatVector c31 = FloatVector.zero(F32);
    int offset = a - b;
    int end = b + depth * STRIDE;
    for (int q = b; q < end; q += STRIDE) {
      int p = q + offset;
      FloatVector b0 = FloatVector.fromArray(F32, f, q);
      FloatVector b1 = FloatVector.fromArray(F32, f, q + LANES);
      FloatVector a0 = FloatVector.broadcast(F32, f[p]);
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      FloatVector a1 = FloatVector.broadcast(F32, f[p + 1]);
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      FloatVector a2 = FloatVector.broadcast(F32, f[p + 2]);
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      FloatVector a3 = FloatVector.broadcast(F32, f[p + 3]);
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
    }
    if (add) {
      c00 = c00.add(FloatVector.fromArray(F32, f, c));
      c01 = c01.add(FloatVector.fromArray(F32, f, c + LANES));
      c10 = c10.add(FloatVector.fromArray(F32, f, c + STRIDE));
      c11 = c11.add(FloatVector.fromArray(F32, f, c + STRIDE + LANES));
      c20 = c20.add(FloatVector.fromArray(F32, f, c + 2 * STRIDE));
      c21 = c21.add(FloatVector.fromArray(F32, f, c + 2 * STRIDE + LANES));
      c30 = c30.add(FloatVector.fromArray(F32, f, c + 3 * STRIDE));
      c31 = c31.add(FloatVector.fromArray(F32, f, c + 3 * STRIDE + LANES));
    }
    c00.intoArray(f, c);
    c01.intoArray(f, c + LANES);
    c10.intoArray(f, c + STRIDE);
    c11.intoArray(f, c + STRIDE + LANES);
    c20.intoArray(f, c + 2 * STRIDE);
    c21.intoArray(f, c + 2 * STRIDE + LANES);
    c30.intoArray(f, c + 3 * STRIDE);
    c31.intoArray(f, c + 3 * STRIDE + LANES);
  }

  private static void columnTileWide(float[] f, int a, int b, int depth, int c, boolean add) {
    FloatVector c00 = FloatVector.zero(F32);
    FloatVector c01 = FloatVector.zero(F32);
    FloatVector c02 = FloatVector.zero(F32);
    FloatVector c03 = FloatVector.zero(F32);
    FloatVector c10 = FloatVector.zero(F32);
    FloatVector c11 = FloatVector.zero(F32);
    FloatVector c12 = FloatVector.zero(F32);
    FloatVector c13 = FloatVector.zero(F32);
    FloatVector c20 = FloatVector.zero(F32);
    FloatVector c21 = FloatVector.zero(F32);
    FloatVector c22 = FloatVector.zero(F32);
    FloatVector c23 = FloatVector.zero(F32);
    FloatVector c30 = FloatVector.zero(F32);
    FloatVector c31 = FloatVector.zero(F32);
    FloatVector c32 = FloatVector.zero(F32);
    FloatVector c33 = FloatVector.zero(F32);
    int offset = a - b;
    int end = b + depth * STRIDE;
    for (int q = b; q < end; q += STRIDE) {
      int p = q + offset;
      FloatVector b0 = FloatVector.fromArray(F32, f, q);
      FloatVector b1 = FloatVector.fromArray(F32, f, q + LANES);
      FloatVector b2 = FloatVector.fromArray(F32, f, q + 2 * LANES);
      FloatVector b3 = FloatVector.fromArray(F32, f, q + 3 * LANES);
      FloatVector a0 = FloatVector.broadcast(F32, f[p]);
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      c02 = a0.fma(b2, c02);
      c03 = a0.fma(b3, c03);
      FloatVector a1 = FloatVector.broadcast(F32, f[p + 1]);
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      c12 = a1.fma(b2, c12);
      c13 = a1.fma(b3, c13);
      FloatVector a2 = FloatVector.broadcast(F32, f[p + 2]);
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      c22 = a2.fma(b2, c22);
      c23 = a2.fma(b3, c23);
      FloatVector a3 = FloatVector.broadcast(F32, f[p + 3]);
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
      c32 = a3.fma(b2, c32);
      c33 = a3.fma(b3, c33);
    }
    if (add) {
      c00 = c00.add(FloatVector.fromArray(F32, f, c));
      c01 = c01.add(FloatVector.fromArray(F32, f, c + LANES));
      c02 = c02.add(FloatVector.fromArray(F32, f, c + 2 * LANES));
      c03 = c03.add(FloatVector.fromArray(F32, f, c + 3 * LANES));
      c10 = c10.add(FloatVector.fromArray(F32, f, c + STRIDE));
      c11 = c11.add(FloatVector.fromArray(F32, f, c + STRIDE + LANES));
      c12 = c12.add(FloatVector.fromArray(F32, f, c + STRIDE + 2 * LANES));
      c13 = c13.add(FloatVector.fromArray(F32, f, c + STRIDE + 3 * LANES));
      c20 = c20.add(FloatVector.fromArray(F32, f, c + 2 * STRIDE));
      c21 = c21.add(FloatVector.fromArray(F32, f, c + 2 * STRIDE + LANES));
      c22 = c22.add(FloatVector.fromArray(F32, f, c + 2 * STRIDE + 2 * LANES));
      c23 = c23.add(FloatVector.fromArray(F32, f, c + 2 * STRIDE + 3 * LANES));
      c30 = c30.add(FloatVector.fromArray(F32, f, c + 3 * STRIDE));
      c31 = c31.add(FloatVector.fromArray(F32, f, c + 3 * STRIDE + LANES));
      c32 = c32.add(FloatVector.fromArray(F32, f, c + 3 * STRIDE + 2 * LANES));
      c33 = c33.add(FloatVector.fromArray(F32, f, c + 3 * STRIDE + 3 * LANES));
    }
    c00.intoArray(f, c);
    c01.intoArray(f, c + LANES);
    c02.intoArray(f, c + 2 * LANES);
    c03.intoArray(f, c + 3 * LANES);
    c10.intoArray(f, c + STRIDE);
    c11.intoArray(f, c + STRIDE + LANES);
    c12.intoArray(f, c + STRIDE + 2 * LANES);
    c13.intoArray(f, c + STRIDE + 3 * LANES);
    c20.intoArray(f, c + 2 * STRIDE);
    c21.intoArray(f, c + 2 * STRIDE + LANES);
    c22.intoArray(f, c + 2 * STRIDE + 2 * LANES);
    c23.intoArray(f, c + 2 * STRIDE + 3 * LANES);
    c30.intoArray(f, c + 3 * STRIDE);
    c31.intoArray(f, c + 3 * STRIDE + LANES);
    c32.intoArray(f, c + 3 * STRIDE + 2 * LANES);
    c33.intoArray(f, c + 3 * STRIDE + 3 * LANES);
  }
}
