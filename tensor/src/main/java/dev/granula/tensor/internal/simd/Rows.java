package dev.granula.tensor.internal.simd;

import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A tensor as rows of neighbouring F32 elements: all dimensions but the last count rows, with any
 * strides.
 */
final class Rows {
  final MemorySegment memory;
  final long count;
  final int width;
  private final long offset;
  private final long[] dims;
  private final long[] strides;

  /** Positions in elements; {@code dims} and {@code strides} are those that count rows. */
  Rows(MemorySegment memory, long offset, long[] dims, long[] strides, long width) {
    this.memory = memory;
    this.offset = offset;
    this.dims = dims;
    this.strides = strides;
    this.width = Math.toIntExact(width);
    long rows = 1;
    for (long dim : dims) {
      rows *= dim;
    }
    this.count = rows;
  }

  /** True if all are F32 with rows of neighbouring elements and none is empty. */
  static boolean supports(Tensor... tensors) {
    for (Tensor tensor : tensors) {
      int rank = tensor.shape().rank();
      if (tensor.dtype() != DType.F32
          || tensor.elementCount() == 0
          || rank > 0 && tensor.shape().dim(-1) > 1 && tensor.stride(-1) != 1) {
        return false;
      }
    }
    return true;
  }

  static Rows of(Tensor tensor) {
    int leading = tensor.shape().rank() - 1;
    if (tensor.isContiguous()) {
      long width = tensor.shape().dim(-1);
      return new Rows(
          tensor.memory(),
          tensor.offset(),
          new long[] {tensor.elementCount() / Math.max(1, width)},
          new long[] {width},
          width);
    }
    long[] dims = new long[leading];
    long[] strides = new long[leading];
    for (int d = 0; d < leading; d++) {
      dims[d] = tensor.shape().dim(d);
      strides[d] = tensor.stride(d);
    }
    return new Rows(tensor.memory(), tensor.offset(), dims, strides, tensor.shape().dim(-1));
  }

  /** Each element is a row of its own: what a loop broadcasts over a row. */
  static Rows ofElements(Tensor tensor) {
    return of(tensor.unsqueeze(-1));
  }

  /** The one row of {@code vector} for every row. */
  static Rows repeated(Tensor vector) {
    return new Rows(
        vector.memory(),
        vector.offset(),
        new long[] {Long.MAX_VALUE},
        new long[] {0},
        vector.elementCount());
  }

  /** Where row {@code row} starts, in bytes. */
  long bytes(long row) {
    if (dims.length == 1) {
      return 4 * (offset + row * strides[0]);
    }
    long position = offset;
    for (int d = dims.length - 1; d >= 0; d--) {
      position += (row % dims[d]) * strides[d];
      row /= dims[d];
    }
    return 4 * position;
  }

  /** Element {@code i} of row {@code row}. */
  float get(long row, long i) {
    return memory.get(ValueLayout.JAVA_FLOAT, bytes(row) + 4 * i);
  }

  void set(long row, long i, double value) {
    memory.set(ValueLayout.JAVA_FLOAT, bytes(row) + 4 * i, (float) value);
  }
}
