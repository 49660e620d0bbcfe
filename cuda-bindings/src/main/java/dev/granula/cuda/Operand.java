package dev.granula.cuda;

import dev.granula.tensor.Axis;
import org.jspecify.annotations.Nullable;

/**
 * How BLAS reads a matrix whose rows and columns each have one stride: one of them is 1, and the
 * other one is the leading dimension.
 *
 * @param rowMajor true if neighbours in a row are neighbours in memory
 * @param leading distance, in elements, of rows, or of columns
 */
record Operand(boolean rowMajor, int leading) {
  /** Null if neither stride is 1 or rows overlap, so that BLAS cannot read it in place. */
  static @Nullable Operand of(long rows, long cols, long rowStride, long colStride) {
    if ((colStride == 1 || cols == 1) && (rows == 1 || rowStride >= cols)) {
      return of(true, rows == 1 ? cols : rowStride);
    }
    if ((rowStride == 1 || rows == 1) && (cols == 1 || colStride >= rows)) {
      return of(false, cols == 1 ? rows : colStride);
    }
    return null;
  }

  private static @Nullable Operand of(boolean rowMajor, long leading) {
    return leading <= Integer.MAX_VALUE ? new Operand(rowMajor, (int) leading) : null;
  }

  /** The block of {@code rows x cols} elements at the start of both sides. */
  static @Nullable Operand of(Axis rows, Axis cols, long rowCount, long colCount) {
    return of(rowCount, colCount, rows.innerStride(), cols.innerStride());
  }

  Operand transpose() {
    return new Operand(!rowMajor, leading);
  }

  /**
   * The largest length that divides both sides into runs of one stride each; for a side that is one
   * run in both, its size.
   */
  static long commonRun(Axis x, Axis y) {
    long a = x.inner();
    long b = y.inner();
    while (b != 0) {
      long rest = a % b;
      a = b;
      b = rest;
    }
    return a;
  }
}
