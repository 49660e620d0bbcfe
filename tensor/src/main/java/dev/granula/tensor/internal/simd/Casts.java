package dev.granula.tensor.internal.simd;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.OR;

import dev.granula.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;

/** Copies of neighbouring elements from one type to another; positions are in elements. */
final class Casts {
  private Casts() {}

  static boolean toF32(DType from) {
    return from == DType.F32 || from == DType.BF16 || from == DType.F16;
  }

  static boolean fromF32(DType to) {
    return toF32(to);
  }

  /** To F32 from a type that {@link #toF32} knows. */
  static void widen(
      DType type, MemorySegment from, long position, MemorySegment to, long target, int n) {
    switch (type) {
      case F32 -> MemorySegment.copy(from, 4 * position, to, 4 * target, 4L * n);
      case BF16 -> widenBf16(from, 2 * position, to, 4 * target, n);
      case F16 -> {
        for (int i = 0; i < n; i++) {
          short bits = from.getAtIndex(ValueLayout.JAVA_SHORT, position + i);
          to.setAtIndex(ValueLayout.JAVA_FLOAT, target + i, Float.float16ToFloat(bits));
        }
      }
      default -> throw new AssertionError(type);
    }
  }

  /** From F32 to a type that {@link #fromF32} knows, to the nearest, ties to even. */
  static void narrow(
      DType type, MemorySegment from, long position, MemorySegment to, long target, int n) {
    switch (type) {
      case F32 -> MemorySegment.copy(from, 4 * position, to, 4 * target, 4L * n);
      case BF16 -> narrowBf16(from, 4 * position, to, 2 * target, n);
      case F16 -> {
        for (int i = 0; i < n; i++) {
          float value = from.getAtIndex(ValueLayout.JAVA_FLOAT, position + i);
          to.setAtIndex(ValueLayout.JAVA_SHORT, target + i, Float.floatToFloat16(value));
        }
      }
      default -> throw new AssertionError(type);
    }
  }

  private static void widenBf16(MemorySegment from, long source, MemorySegment to, long at, int n) {
    int i = 0;
    for (; i <= n - Simd.LANES; i += Simd.LANES) {
      ShortVector bits =
          ShortVector.fromMemorySegment(Simd.BF16, from, source + 2L * i, Simd.ORDER);
      Simd.widen(bits).intoMemorySegment(to, at + 4L * i, Simd.ORDER);
    }
    for (; i < n; i++) {
      short bits = from.get(ValueLayout.JAVA_SHORT, source + 2L * i);
      to.set(ValueLayout.JAVA_FLOAT, at + 4L * i, DType.bf16ToFloat(bits));
    }
  }

  private static void narrowBf16(
      MemorySegment from, long source, MemorySegment to, long at, int n) {
    int i = 0;
    for (; i <= n - Simd.LANES; i += Simd.LANES) {
      FloatVector value =
          FloatVector.fromMemorySegment(Simd.F32, from, source + 4L * i, Simd.ORDER);
      narrow(value).intoMemorySegment(to, at + 2L * i, Simd.ORDER);
    }
    for (; i < n; i++) {
      float value = from.get(ValueLayout.JAVA_FLOAT, source + 4L * i);
      to.set(ValueLayout.JAVA_SHORT, at + 2L * i, DType.floatToBf16(value));
    }
  }

  /** The lanes of {@link DType#floatToBf16}. */
  private static ShortVector narrow(FloatVector value) {
    IntVector bits = value.reinterpretAsInts();
    IntVector upper = bits.lanewise(LSHR, 16);
    IntVector rounded = bits.add(0x7fff).add(upper.lanewise(AND, 1)).lanewise(LSHR, 16);
    VectorMask<Integer> nan = value.compare(NE, value).cast(Simd.I32);
    return (ShortVector)
        rounded.blend(upper.lanewise(OR, 0x40), nan).convertShape(I2S, Simd.BF16, 0);
  }
}
