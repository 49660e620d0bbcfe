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
record Operand(long rows, long cols, boolean rowMajor, int leading) {
  /**
   * Null if neither stride is 1, rows overlap or a side is of two levels, so that BLAS cannot read
   * the matrix in place.
   */
  static @Nullable Operand of(Matrix matrix) {
    Axis rows = matrix.rows();
    Axis cols = matrix.cols();
    return rows.isUniform() && cols.isUniform()
        ? of(rows.size(), cols.size(), rows.innerStride(), cols.innerStride())
        : null;
  }

  private static @Nullable Operand of(long rows, long cols, long rowStride, long colStride) {
    if ((colStride == 1 || cols == 1) && (rows == 1 || rowStride >= cols)) {
      return of(rows, cols, true, rows == 1 ? cols : rowStride);
    }
    if ((rowStride == 1 || rows == 1) && (cols == 1 || colStride >= rows)) {
      return of(rows, cols, false, cols == 1 ? rows : colStride);
    }
    return null;
  }

  private static @Nullable Operand of(long rows, long cols, boolean rowMajor, long leading) {
    return leading <= Integer.MAX_VALUE ? new Operand(rows, cols, rowMajor, (int) leading) : null;
  }

  Operand transpose() {
    return new Operand(cols, rows, !rowMajor, leading);
  }
}
