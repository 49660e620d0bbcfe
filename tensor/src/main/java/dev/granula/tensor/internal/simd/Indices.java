package dev.granula.tensor.internal.simd;

import dev.granula.tensor.DType;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Tensor;

/** Indices are data, so no caller has checked them: here they are, before a kernel starts. */
final class Indices {
  private Indices() {}

  static boolean supports(Tensor indices) {
    return indices.dtype() == DType.I32;
  }

  /** The I32 elements in row-major order, all in [0, size). */
  static int[] read(String operation, Tensor indices, long size) {
    int[] result = readOptional(operation, indices, size);
    for (int index : result) {
      if (index < 0) {
        throw outside(operation, index, size);
      }
    }
    return result;
  }

  /** The same, with negative ones let through. */
  static int[] readOptional(String operation, Tensor indices, long size) {
    int[] result = new int[Math.toIntExact(indices.elementCount())];
    for (int n = 0; n < result.length; n++) {
      result[n] = (int) indices.loadLong(indices.position(n));
      if (result[n] >= size) {
        throw outside(operation, result[n], size);
      }
    }
    return result;
  }

  private static GranulaException outside(String operation, int index, long size) {
    return new GranulaException(
        "%s: index %d is outside [0, %d); check the token ids against the vocabulary size"
            .formatted(operation, index, size));
  }
}
