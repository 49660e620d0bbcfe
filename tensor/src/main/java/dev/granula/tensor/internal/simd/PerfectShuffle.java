package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.Simd.F32;
import static dev.granula.tensor.internal.simd.Simd.I32;
import static dev.granula.tensor.internal.simd.Simd.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Stages of the transposition of a square block of vector width: each interleaves row i with row
 * {@code i + LANES/2}, and after log2(LANES) stages rows have become columns. Two stages of the
 * rows i, {@code i + LANES/4}, {@code i + LANES/2} and {@code i + 3 LANES/4} need each other only,
 * and stay in registers between the stages. Bit patterns are moved, whatever they mean.
 */
final class PerfectShuffle {
  /** Elements of a block. */
  static final int BLOCK = LANES * LANES;

  /** Stages before the last two: 2, 1 or 0 of them for 16, 8 or 4 lanes. */
  static final int FIRST_STAGES = Integer.numberOfTrailingZeros(LANES) - 2;

  /** Lanes 0, n, 1, n + 1, ... of two vectors of n lanes: the interleaved lower halves. */
  static final IntVector LOWER = interleaved(0);

  /** The same of the upper halves. */
  static final IntVector UPPER = interleaved(LANES / 2);

  private PerfectShuffle() {}

  private static IntVector interleaved(int first) {
    int[] lanes = new int[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = first + i / 2 + i % 2 * LANES;
    }
    return IntVector.fromArray(I32, lanes, 0);
  }

  /** Two stages. Rows begin at {@code at} and {@code toAt} and are a stride apart. */
  static void twoStages(float[] from, int at, int stride, float[] to, int toAt, int toStride) {
    int quarter = LANES / 4 * stride;
    for (int i = 0; i < LANES / 4; i++) {
      int row = at + i * stride;
      IntVector x0 = FloatVector.fromArray(F32, from, row).reinterpretAsInts();
      IntVector x1 = FloatVector.fromArray(F32, from, row + quarter).reinterpretAsInts();
      IntVector x2 = FloatVector.fromArray(F32, from, row + 2 * quarter).reinterpretAsInts();
      IntVector x3 = FloatVector.fromArray(F32, from, row + 3 * quarter).reinterpretAsInts();
      IntVector y0 = LOWER.selectFrom(x0, x2);
      IntVector y1 = UPPER.selectFrom(x0, x2);
      IntVector y2 = LOWER.selectFrom(x1, x3);
      IntVector y3 = UPPER.selectFrom(x1, x3);
      int target = toAt + 4 * i * toStride;
      LOWER.selectFrom(y0, y2).reinterpretAsFloats().intoArray(to, target);
      UPPER.selectFrom(y0, y2).reinterpretAsFloats().intoArray(to, target + toStride);
      LOWER.selectFrom(y1, y3).reinterpretAsFloats().intoArray(to, target + 2 * toStride);
      UPPER.selectFrom(y1, y3).reinterpretAsFloats().intoArray(to, target + 3 * toStride);
    }
  }

  /** One stage, as {@link #twoStages} otherwise. */
  static void oneStage(float[] from, int at, int stride, float[] to, int toAt, int toStride) {
    int half = LANES / 2 * stride;
    for (int i = 0; i < LANES / 2; i++) {
      int row = at + i * stride;
      IntVector x0 = FloatVector.fromArray(F32, from, row).reinterpretAsInts();
      IntVector x1 = FloatVector.fromArray(F32, from, row + half).reinterpretAsInts();
      int target = toAt + 2 * i * toStride;
      LOWER.selectFrom(x0, x1).reinterpretAsFloats().intoArray(to, target);
      UPPER.selectFrom(x0, x1).reinterpretAsFloats().intoArray(to, target + toStride);
    }
  }
}
