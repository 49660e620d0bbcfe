package dev.granula.tensor.internal.simd;

import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Workers;
import dev.granula.tensor.Write;

/** Matrix products: F32 by F32 or BF16. */
final class SimdMatmul {
  private final MatmulScratch scratch;

  SimdMatmul(Workers workers) {
    scratch = new MatmulScratch(workers);
  }

  /**
   * One product at a time, since they share the packed panels. Answers false, having done nothing,
   * for other element types and for products without elements.
   */
  synchronized boolean matmul(Matrix a, Matrix b, Matrix out, double scale, Write write) {
    if (!supports(a, b, out)) {
      return false;
    }
    new BlockedProduct(a, b, out, (float) scale, write == Write.ADD, scratch).run();
    return true;
  }

  private static boolean supports(Matrix a, Matrix b, Matrix out) {
    DType rhs = b.tensor().dtype();
    return a.tensor().dtype() == DType.F32
        && out.tensor().dtype() == DType.F32
        && (rhs == DType.F32 || rhs == DType.BF16)
        && a.tensor().elementCount() > 0
        && b.tensor().elementCount() > 0;
  }
}
