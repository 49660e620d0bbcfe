package dev.granula.cuda;

import dev.granula.tensor.Axis;
import dev.granula.tensor.Matrix;
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

  /** Null also for a side of two levels. */
  static @Nullable Operand of(Matrix matrix) {
    Axis rows = matrix.rows();
    Axis cols = matrix.cols();
    return rows.isUniform() && cols.isUniform()
        ? of(rows.size(), cols.size(), rows.innerStride(), cols.innerStride())
        : null;
  }

  Operand transpose() {
    return new Operand(!rowMajor, leading);
  }
}
