package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Matrix;
import java.util.List;

/**
 * One of the products that a result is the sum of. A batch of matrices in a term of an unbatched
 * result are the terms of equal blocks of the result's columns.
 *
 * @param a left-hand side, F32
 * @param b right-hand side, F32 or BF16
 * @param updates of the right-hand side, where it is one matrix
 */
record Term(Matrix a, Matrix b, float scale, List<LowRankUpdate> updates) {
  Term(Matrix a, Matrix b, float scale) {
    this(a, b, scale, List.of());
  }

  long depth() {
    return a.cols().size();
  }

  /** Whether columns of the right-hand side lie one behind the other. */
  boolean rhsIsTransposed() {
    return b.rows().innerStride() == 1;
  }

  Packing lhs(long matrix) {
    return Packing.of(a, matrix);
  }

  Packing rhs(long matrix) {
    return Packing.of(b, matrix);
  }
}
