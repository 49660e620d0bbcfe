package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * The rows of an F32 tensor [B, T, H, D] with unit stride in D, and their way between native memory
 * and the packed heap arrays of the attention kernels.
 */
record HeadRows(
    MemorySegment memory,
    long offset,
    long batchStride,
    long timeStride,
    long headStride,
    int times,
    int size) {
  private static final VectorSpecies<Float> F32 = Simd.F32;
  private static final int LANES = Simd.LANES;

  static HeadRows of(Tensor tensor) {
    return new HeadRows(
        tensor.memory(),
        tensor.offset(),
        tensor.stride(0),
        tensor.stride(1),
        tensor.stride(2),
        Math.toIntExact(tensor.shape().dim(1)),
        Math.toIntExact(tensor.shape().dim(3)));
  }

  /** Byte position of row (b, t, h). */
  long at(int b, int t, int h) {
    return (offset + b * batchStride + t * timeStride + h * headStride) * Float.BYTES;
  }

  /**
   * Copies the row at byte {@code from}, times {@code factor}, in strips of {@link
   * AttentionTiles#STRIDE} elements that stand {@code stripStride} apart. The last vector is filled
   * up with zeros.
   */
  void copy(long from, float factor, float[] to, int start, int stripStride) {
    int whole = F32.loopBound(size);
    for (int d = 0; d < whole; d += LANES) {
      FloatVector.fromMemorySegment(F32, memory, from + (long) d * Float.BYTES, Simd.ORDER)
          .mul(factor)
          .intoArray(to, start + inStrips(d, stripStride));
    }
    copyRest(from, factor, to, start, stripStride);
  }

  /**
   * The same for four rows, which go to neighbouring places {@link AttentionTiles#STRIDE} apart. A
   * row is too short for the processor to fetch ahead; side by side they arrive together.
   */
  void copyFour(
      long from0,
      long from1,
      long from2,
      long from3,
      float factor,
      float[] to,
      int start,
      int stripStride) {
    int whole = F32.loopBound(size);
    for (int d = 0; d < whole; d += LANES) {
      long at = (long) d * Float.BYTES;
      FloatVector x0 = FloatVector.fromMemorySegment(F32, memory, from0 + at, Simd.ORDER);
      FloatVector x1 = FloatVector.fromMemorySegment(F32, memory, from1 + at, Simd.ORDER);
      FloatVector x2 = FloatVector.fromMemorySegment(F32, memory, from2 + at, Simd.ORDER);
      FloatVector x3 = FloatVector.fromMemorySegment(F32, memory, from3 + at, Simd.ORDER);
      int place = start + inStrips(d, stripStride);
      x0.mul(factor).intoArray(to, place);
      x1.mul(factor).intoArray(to, place + AttentionTiles.STRIDE);
      x2.mul(factor).intoArray(to, place + 2 * AttentionTiles.STRIDE);
      x3.mul(factor).intoArray(to, place + 3 * AttentionTiles.STRIDE);
    }
    copyRest(from0, factor, to, start, stripStride);
    copyRest(from1, factor, to, start + AttentionTiles.STRIDE, stripStride);
    copyRest(from2, factor, to, start + 2 * AttentionTiles.STRIDE, stripStride);
    copyRest(from3, factor, to, start + 3 * AttentionTiles.STRIDE, stripStride);
  }

  private void copyRest(long from, float factor, float[] to, int start, int stripStride) {
    int whole = F32.loopBound(size);
    if (whole < size) {
      VectorMask<Float> rest = F32.indexInRange(whole, size);
      FloatVector.fromMemorySegment(
              F32, memory, from + (long) whole * Float.BYTES, Simd.ORDER, rest)
          .mul(factor)
          .intoArray(to, start + inStrips(whole, stripStride));
    }
  }

  /** Where element d stands; no vector straddles two strips. */
  private static int inStrips(int d, int stripStride) {
    return d / AttentionTiles.STRIDE * stripStride + d % AttentionTiles.STRIDE;
  }

  /**
   * Stores {@code factor} times a row in strips, as {@link #copy} makes them, at byte {@code to}.
   */
  void store(float[] values, int start, int stripStride, float factor, long to, Write write) {
    int whole = F32.loopBound(size);
    for (int d = 0; d < whole; d += LANES) {
      long at = to + (long) d * Float.BYTES;
      FloatVector value =
          FloatVector.fromArray(F32, values, start + inStrips(d, stripStride)).mul(factor);
      if (write == Write.ADD) {
        value = value.add(FloatVector.fromMemorySegment(F32, memory, at, Simd.ORDER));
      }
      value.intoMemorySegment(memory, at, Simd.ORDER);
    }
    if (whole < size) {
      long at = to + (long) whole * Float.BYTES;
      VectorMask<Float> rest = F32.indexInRange(whole, size);
      FloatVector value =
          FloatVector.fromArray(F32, values, start + inStrips(whole, stripStride)).mul(factor);
      if (write == Write.ADD) {
        value = value.add(FloatVector.fromMemorySegment(F32, memory, at, Simd.ORDER, rest));
      }
      value.intoMemorySegment(memory, at, Simd.ORDER, rest);
    }
  }

  /**
   * The inner product of the row at byte {@code row} with one of {@code other}. The lanes are added
   * up in an order that the vector width fixes.
   */
  float dot(long row, HeadRows other, long otherRow) {
    int whole = F32.loopBound(size);
    FloatVector sum = FloatVector.zero(F32);
    for (int d = 0; d < whole; d += LANES) {
      long at = (long) d * Float.BYTES;
      sum =
          FloatVector.fromMemorySegment(F32, memory, row + at, Simd.ORDER)
              .fma(
                  FloatVector.fromMemorySegment(F32, other.memory, otherRow + at, Simd.ORDER), sum);
    }
    if (whole < size) {
      long at = (long) whole * Float.BYTES;
      VectorMask<Float> rest = F32.indexInRange(whole, size);
      sum =
          FloatVector.fromMemorySegment(F32, memory, row + at, Simd.ORDER, rest)
              .fma(
                  FloatVector.fromMemorySegment(F32, other.memory, otherRow + at, Simd.ORDER, rest),
                  sum);
    }
    return LaneSum.of(sum);
  }
}
