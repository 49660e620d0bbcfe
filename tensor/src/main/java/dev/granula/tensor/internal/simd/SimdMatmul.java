package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Workers;
import dev.granula.tensor.Write;
import java.util.ArrayList;
import java.util.List;

/** Matrix products: F32 by F32 or BF16. */
final class SimdMatmul {
  /**
   * Up to that many columns, a left-hand side whose columns lie one behind the other is better read
   * as a right-hand side, row by row: transposing it costs as much as multiplying by it.
   */
  private static final long FEW_COLUMNS = 64;

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
    boolean swap = b.tensor().dtype() == DType.F32 && swapPays(a, b, out);
    Matrix left = swap ? b.transpose() : a;
    Matrix right = swap ? a.transpose() : b;
    Matrix result = swap ? out.transpose() : out;
    boolean add = write == Write.ADD;
    if (VectorProduct.supports(left, right)) {
      VectorProduct.run(left, right, result, (float) scale, add, scratch);
    } else {
      Term term = new Term(left, right, (float) scale);
      BlockedProduct.run(List.of(term), result, add, scratch);
    }
    return true;
  }

  /**
   * The products in one pass over the result. Answers false, having done nothing, where {@link
   * #matmul} one after the other is the only or the better way.
   */
  synchronized boolean sum(List<Backend.Product> products, Tensor out, Write write) {
    long blocks = products.stream().mapToLong(product -> product.a().batch()).max().orElse(0);
    long rows = out.shape().dim(0);
    if (products.size() < 2 || rows <= VectorProduct.MAX_ROWS || out.stride(1) != 1) {
      return false;
    }
    Matrix result = Matrix.of(out);
    for (Backend.Product product : products) {
      long batch = product.a().batch();
      if (batch != 1 && batch != blocks || !supports(product.a(), product.b(), result)) {
        return false;
      }
    }
    BlockedProduct.run(terms(products), result, write == Write.ADD, scratch);
    return true;
  }

  /** Low-rank products update the right-hand side of the first product where that pays. */
  private static List<Term> terms(List<Backend.Product> products) {
    Backend.Product base = products.getFirst();
    List<LowRankUpdate> updates = new ArrayList<>();
    List<Term> others = new ArrayList<>();
    for (Backend.Product product : products.subList(1, products.size())) {
      LowRankUpdate update = LowRankUpdate.of(product, base);
      if (update == null) {
        others.add(new Term(product.a(), product.b(), (float) product.scale()));
      } else {
        updates.add(update);
      }
    }
    others.addFirst(new Term(base.a(), base.b(), (float) base.scale(), updates));
    return others;
  }

  /**
   * Whether {@code out^T = b^T a^T} is the better form: for a product with few columns, and for a
   * result whose columns lie scattered while its rows do not. The scale is applied to the left-hand
   * side of the form chosen.
   */
  private static boolean swapPays(Matrix a, Matrix b, Matrix out) {
    long m = a.rows().size();
    long n = b.cols().size();
    if (Math.min(m, n) <= VectorProduct.MAX_ROWS) {
      return n < m;
    }
    boolean byRows = a.rows().innerStride() == 1 && b.cols().innerStride() == 1;
    if (byRows && a.cols().innerStride() != 1 && n < m && n <= FEW_COLUMNS) {
      return true;
    }
    return out.cols().innerStride() != 1 && out.rows().innerStride() == 1;
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
