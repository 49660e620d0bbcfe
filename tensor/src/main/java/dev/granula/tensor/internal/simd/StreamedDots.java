package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.Simd.BF16;
import static dev.granula.tensor.internal.simd.Simd.F32;
import static dev.granula.tensor.internal.simd.Simd.I32;
import static dev.granula.tensor.internal.simd.Simd.LANES;
import static dev.granula.tensor.internal.simd.Simd.ORDER;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;

/**
 * Dot products of one row with {@link #COUNT} columns that are read from memory at once. Each
 * column is a stream that the processor fetches ahead by itself, provided that they lie in
 * different pages; while one of them enters a new page, where that starts anew, the others go on.
 *
 * <p>The loads are written out, because eight calls of {@link Simd#load} are more than C2 inlines.
 */
final class StreamedDots {
  /** With 16 registers, of 256 bits, eight sums still leave room for what is loaded. */
  static final int COUNT = 8;

  private StreamedDots() {}

  /**
   * {@code lanes[j * LANES + l]} = lane l of the dot product of {@code row}, from {@code x} on,
   * with column j, which begins at element {@code column + j * distance} of {@code memory}.
   *
   * @param depth elements of a column, a multiple of the lanes
   */
  static void sum(
      MemorySegment memory,
      boolean bf16,
      long column,
      long distance,
      float[] row,
      int x,
      int depth,
      float[] lanes) {
    if (bf16) {
      sumBf16(memory, column, distance, row, x, depth, lanes);
    } else {
      sumF32(memory, column, distance, row, x, depth, lanes);
    }
  }

  private static void sumBf16(
      MemorySegment memory,
      long column,
      long distance,
      float[] row,
      int x,
      int depth,
      float[] lanes) {
    FloatVector s0 = FloatVector.zero(F32);
    FloatVector s1 = FloatVector.zero(F32);
    FloatVector s2 = FloatVector.zero(F32);
    FloatVector s3 = FloatVector.zero(F32);
    FloatVector s4 = FloatVector.zero(F32);
    FloatVector s5 = FloatVector.zero(F32);
    FloatVector s6 = FloatVector.zero(F32);
    FloatVector s7 = FloatVector.zero(F32);
    long step = 2 * distance;
    for (int d = 0; d < depth; d += LANES) {
      FloatVector v = FloatVector.fromArray(F32, row, x + d);
      long at = 2 * (column + d);
      var b0 =
          ShortVector.fromMemorySegment(BF16, memory, at, ORDER)
              .convertShape(ZERO_EXTEND_S2I, I32, 0);
      s0 = v.fma(b0.reinterpretAsInts().lanewise(LSHL, 16).reinterpretAsFloats(), s0);
      var b1 =
          ShortVector.fromMemorySegment(BF16, memory, at + step, ORDER)
              .convertShape(ZERO_EXTEND_S2I, I32, 0);
      s1 = v.fma(b1.reinterpretAsInts().lanewise(LSHL, 16).reinterpretAsFloats(), s1);
      var b2 =
          ShortVector.fromMemorySegment(BF16, memory, at + 2 * step, ORDER)
              .convertShape(ZERO_EXTEND_S2I, I32, 0);
      s2 = v.fma(b2.reinterpretAsInts().lanewise(LSHL, 16).reinterpretAsFloats(), s2);
      var b3 =
          ShortVector.fromMemorySegment(BF16, memory, at + 3 * step, ORDER)
              .convertShape(ZERO_EXTEND_S2I, I32, 0);
      s3 = v.fma(b3.reinterpretAsInts().lanewise(LSHL, 16).reinterpretAsFloats(), s3);
      var b4 =
          ShortVector.fromMemorySegment(BF16, memory, at + 4 * step, ORDER)
              .convertShape(ZERO_EXTEND_S2I, I32, 0);
      s4 = v.fma(b4.reinterpretAsInts().lanewise(LSHL, 16).reinterpretAsFloats(), s4);
      var b5 =
          ShortVector.fromMemorySegment(BF16, memory, at + 5 * step, ORDER)
              .convertShape(ZERO_EXTEND_S2I, I32, 0);
      s5 = v.fma(b5.reinterpretAsInts().lanewise(LSHL, 16).reinterpretAsFloats(), s5);
      var b6 =
          ShortVector.fromMemorySegment(BF16, memory, at + 6 * step, ORDER)
              .convertShape(ZERO_EXTEND_S2I, I32, 0);
      s6 = v.fma(b6.reinterpretAsInts().lanewise(LSHL, 16).reinterpretAsFloats(), s6);
      var b7 =
          ShortVector.fromMemorySegment(BF16, memory, at + 7 * step, ORDER)
              .convertShape(ZERO_EXTEND_S2I, I32, 0);
      s7 = v.fma(b7.reinterpretAsInts().lanewise(LSHL, 16).reinterpretAsFloats(), s7);
    }
    s0.intoArray(lanes, 0);
    s1.intoArray(lanes, LANES);
    s2.intoArray(lanes, 2 * LANES);
    s3.intoArray(lanes, 3 * LANES);
    s4.intoArray(lanes, 4 * LANES);
    s5.intoArray(lanes, 5 * LANES);
    s6.intoArray(lanes, 6 * LANES);
    s7.intoArray(lanes, 7 * LANES);
  }

  private static void sumF32(
      MemorySegment memory,
      long column,
      long distance,
      float[] row,
      int x,
      int depth,
      float[] lanes) {
    FloatVector s0 = FloatVector.zero(F32);
    FloatVector s1 = FloatVector.zero(F32);
    FloatVector s2 = FloatVector.zero(F32);
    FloatVector s3 = FloatVector.zero(F32);
    FloatVector s4 = FloatVector.zero(F32);
    FloatVector s5 = FloatVector.zero(F32);
    FloatVector s6 = FloatVector.zero(F32);
    FloatVector s7 = FloatVector.zero(F32);
    long step = 4 * distance;
    for (int d = 0; d < depth; d += LANES) {
      FloatVector v = FloatVector.fromArray(F32, row, x + d);
      long at = 4 * (column + d);
      s0 = v.fma(FloatVector.fromMemorySegment(F32, memory, at, ORDER), s0);
      s1 = v.fma(FloatVector.fromMemorySegment(F32, memory, at + step, ORDER), s1);
      s2 = v.fma(FloatVector.fromMemorySegment(F32, memory, at + 2 * step, ORDER), s2);
      s3 = v.fma(FloatVector.fromMemorySegment(F32, memory, at + 3 * step, ORDER), s3);
      s4 = v.fma(FloatVector.fromMemorySegment(F32, memory, at + 4 * step, ORDER), s4);
      s5 = v.fma(FloatVector.fromMemorySegment(F32, memory, at + 5 * step, ORDER), s5);
      s6 = v.fma(FloatVector.fromMemorySegment(F32, memory, at + 6 * step, ORDER), s6);
      s7 = v.fma(FloatVector.fromMemorySegment(F32, memory, at + 7 * step, ORDER), s7);
    }
    s0.intoArray(lanes, 0);
    s1.intoArray(lanes, LANES);
    s2.intoArray(lanes, 2 * LANES);
    s3.intoArray(lanes, 3 * LANES);
    s4.intoArray(lanes, 4 * LANES);
    s5.intoArray(lanes, 5 * LANES);
    s6.intoArray(lanes, 6 * LANES);
    s7.intoArray(lanes, 7 * LANES);
  }
}
