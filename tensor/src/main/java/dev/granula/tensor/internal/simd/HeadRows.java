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
        Math.toIntExact(tensor.shape().dim(3)));
  }

  /** Byte position of row (b, t, h). */
  long at(int b, int t, int h) {
    return (offset + b * batchStride + t * timeStride + h * headStride) * Float.BYTES;
  }

  /**
   * Copies the row at byte {@code from}, times {@code factor}, in pieces of {@code width} elements
   * that stand {@code pieceStride} apart. The last vector is filled up with zeros; a width is a
   * power of two and not less than the lanes, so that no vector straddles two pieces.
   */
  void copy(long from, float factor, float[] to, int start, int width, int pieceStride) {
    int shift = Integer.numberOfTrailingZeros(width);
    int whole = F32.loopBound(size);
    for (int d = 0; d < whole; d += LANES) {
      FloatVector.fromMemorySegment(F32, memory, from + (long) d * Float.BYTES, Simd.ORDER)
          .mul(factor)
          .intoArray(to, start + (d >> shift) * pieceStride + (d & (width - 1)));
    }
    if (whole < size) {
      VectorMask<Float> rest = F32.indexInRange(whole, size);
      FloatVector.fromMemorySegment(
              F32, memory, from + (long) whole * Float.BYTES, Simd.ORDER, rest)
          .mul(factor)
          .intoArray(to, start + (whole >> shift) * pieceStride + (whole & (width - 1)));
    }
  }

  /**
   * Stores {@code factor} times {@code values[start .. start + D)} as the row at byte {@code to}.
   */
  void store(float[] values, int start, float factor, long to, Write write) {
    int whole = F32.loopBound(size);
    for (int d = 0; d < whole; d += LANES) {
      long at = to + (long) d * Float.BYTES;
      FloatVector value = FloatVector.fromArray(F32, values, start + d).mul(factor);
      if (write == Write.ADD) {
        value = value.add(FloatVector.fromMemorySegment(F32, memory, at, Simd.ORDER));
      }
      value.intoMemorySegment(memory, at, Simd.ORDER);
    }
    if (whole < size) {
      long at = to + (long) whole * Float.BYTES;
      VectorMask<Float> rest = F32.indexInRange(whole, size);
      FloatVector value = FloatVector.fromArray(F32, values, start + whole, rest).mul(factor);
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

  /** Byte distance of neighbours in T. */
  long timeBytes() {
    return timeStride * Float.BYTES;
  }

  /**
   * {@code out[j] = row j . values[start .. start + D)} for {@code count} rows, T next to each
   * other, from byte {@code first}. Straight from memory: for few queries, packing costs more than
   * it brings.
   */
  void dots(long first, int count, float[] values, int start, float[] out, int outStart) {
    int whole = F32.loopBound(size);
    VectorMask<Float> rest = F32.indexInRange(whole, size);
    for (int j = 0; j < count; j++) {
      long row = first + j * timeBytes();
      FloatVector sum = FloatVector.zero(F32);
      for (int d = 0; d < whole; d += LANES) {
        FloatVector x =
            FloatVector.fromMemorySegment(F32, memory, row + (long) d * Float.BYTES, Simd.ORDER);
        sum = x.fma(FloatVector.fromArray(F32, values, start + d), sum);
      }
      if (whole < size) {
        long at = row + (long) whole * Float.BYTES;
        FloatVector x = FloatVector.fromMemorySegment(F32, memory, at, Simd.ORDER, rest);
        sum = x.fma(FloatVector.fromArray(F32, values, start + whole, rest), sum);
      }
      out[outStart + j] = LaneSum.of(sum);
    }
  }

  /** {@code sums[start ..] += sum over j of weights[j] * row j} for rows as in {@link #dots}. */
  void addWeighted(
      long first, int count, float[] weights, int weightStart, float[] sums, int start) {
    int whole = F32.loopBound(size);
    for (int d = 0; d < whole; d += LANES) {
      FloatVector sum = FloatVector.fromArray(F32, sums, start + d);
      for (int j = 0; j < count; j++) {
        long at = first + j * timeBytes() + (long) d * Float.BYTES;
        FloatVector x = FloatVector.fromMemorySegment(F32, memory, at, Simd.ORDER);
        sum = x.fma(FloatVector.broadcast(F32, weights[weightStart + j]), sum);
      }
      sum.intoArray(sums, start + d);
    }
    if (whole < size) {
      VectorMask<Float> rest = F32.indexInRange(whole, size);
      FloatVector sum = FloatVector.fromArray(F32, sums, start + whole, rest);
      for (int j = 0; j < count; j++) {
        long at = first + j * timeBytes() + (long) whole * Float.BYTES;
        FloatVector x = FloatVector.fromMemorySegment(F32, memory, at, Simd.ORDER, rest);
        sum = x.fma(FloatVector.broadcast(F32, weights[weightStart + j]), sum);
      }
      sum.intoArray(sums, start + whole, rest);
    }
  }
}
