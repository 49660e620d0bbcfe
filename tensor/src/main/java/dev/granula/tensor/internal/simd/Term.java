package dev.granula.tensor.internal.simd;

import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;

/**
 * One of the products that a result is the sum of. A batch of matrices in a term of an unbatched
 * result are the terms of equal blocks of the result's columns.
 *
 * @param a left-hand side, F32
 * @param b right-hand side, F32 or BF16
 */
record Term(Matrix a, Matrix b, float scale) {
  long depth() {
    return a.cols().size();
  }

  /** Whether columns of the right-hand side lie one behind the other. */
  boolean rhsIsTransposed() {
    return b.rows().innerStride() == 1;
  }

  Packing lhs(long matrix) {
    return new Packing(a.tensor().memory(), false, a.batchOffset(matrix), a.rows(), a.cols());
  }

  Packing rhs(long matrix) {
    boolean bf16 = b.tensor().dtype() == DType.BF16;
    return new Packing(b.tensor().memory(), bf16, b.batchOffset(matrix), b.rows(), b.cols());
  }
}
