package dev.granula.tensor.reference;

import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;

/** What all plain kernels share: the store with its {@link Write} rule and the places of rows. */
final class Plain {
  private Plain() {}

  /** {@link Write#SET} must not read: what is there may be NaN. */
  static void put(Tensor out, long position, double value, Write write) {
    out.store(position, write == Write.SET ? value : out.load(position) + value);
  }

  /** The value of a tensor with one element. */
  static double scalar(Tensor tensor) {
    return tensor.load(tensor.offset());
  }

  /** Number of rows: all dimensions but the last. */
  static long rows(Tensor tensor) {
    return tensor.shape().slice(0, tensor.shape().rank() - 1).elementCount();
  }

  /** Storage position of the first element of row {@code row}; also right for rows of length 0. */
  static long rowStart(Tensor tensor, long row) {
    long position = tensor.offset();
    for (int d = tensor.shape().rank() - 2; d >= 0; d--) {
      long dim = tensor.shape().dim(d);
      position += (row % dim) * tensor.stride(d);
      row /= dim;
    }
    return position;
  }

  /** {@code sum over i of a[i] * b[i]} for {@code count} elements with the given strides. */
  static double dot(
      Tensor a, long aStart, long aStride, Tensor b, long bStart, long bStride, long count) {
    double sum = 0;
    for (long i = 0; i < count; i++) {
      sum += a.load(aStart + i * aStride) * b.load(bStart + i * bStride);
    }
    return sum;
  }

  /** Writes {@code values[0 .. n)} to the n elements of {@code out} in row-major order. */
  static void putAll(Tensor out, double[] values, Write write) {
    for (int i = 0; i < values.length; i++) {
      put(out, out.position(i), values[i], write);
    }
  }

  /** An index is data, so no caller has checked it. */
  static long checkIndex(String operation, long index, long size) {
    if (index < 0 || index >= size) {
      throw new GranulaException(
          "%s: index %d is outside [0, %d); check the token ids against the vocabulary size"
              .formatted(operation, index, size));
    }
    return index;
  }
}
