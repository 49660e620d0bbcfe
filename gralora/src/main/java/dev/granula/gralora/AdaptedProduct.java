package dev.granula.gralora;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Backend.LowRank;
import dev.granula.tensor.Backend.Product;
import dev.granula.tensor.DTypeException;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.ArrayList;
import java.util.List;

/**
 * A linear layer and the low-rank updates on it in one operation: {@code y = x W^T + sum of c_t
 * update_t(x)}. Inputs: x [..., I], W [O, I], then for each term A [k, I/k, r], B [k, r, O/k] and,
 * if it is hybrid, Ag [h, I], Bg [O, h].
 *
 * <p>Derivation of one term. Cut x into k input blocks x_n, y into k output blocks y_j, and the
 * rank axis into k runs of s = r/k. Block (j, n) of the weight gets the update of rank s
 *
 * <pre>{@code
 * R_jn = (A_n[:, run j]  B_j[run n, :])^T
 * }</pre>
 *
 * so run j of A_n's rank axis feeds output block j, and run n of B_j's receives input block n (the
 * paper's A_ij and B_ij with i = j, j = n). Summing over n first, the k^2 small products become 2k:
 *
 * <pre>{@code
 * u_n = x_n A_n                        [T, r]
 * z_j = concat over n of u_n[:, run j] [T, r]      the permutation
 * y_j += c z_j B_j
 * }</pre>
 *
 * Nothing is permuted in memory: u stays [T, k, r] as it comes, and the product that reads z_j
 * walks it as k runs of s. Backward, with g the gradient of y:
 *
 * <pre>{@code
 * dz_j = c g_j B_j^T        dB_j = c z_j^T g_j
 * du_n = concat over j of dz_j[:, run n]
 * dA_n = x_n^T du_n         dx_n += du_n A_n^T
 * }</pre>
 *
 * The hybrid part is plain LoRA: v = x Ag^T, y += c v Bg^T. Dropout acts on the x of the term
 * alone, one mask for both parts, and is drawn again in the backward pass. Source: arXiv 2505.20355
 * section 3; peft/tuners/gralora/layer.py.
 */
record AdaptedProduct(List<Term> terms) implements Op {
  /**
   * @param blocks k
   * @param scale c
   * @param hybrid whether Ag and Bg follow
   * @param dropout probability, 0 outside of training
   * @param seed of the dropout mask
   * @param counter of the dropout mask
   */
  record Term(int blocks, double scale, boolean hybrid, double dropout, long seed, long counter) {
    int inputs() {
      return hybrid ? 4 : 2;
    }
  }

  private static final int FIRST_FACTOR = 2;

  /** Saved per term: u, and v of the hybrid part. */
  private static final int SAVED_PER_TERM = 2;

  @Override
  public Spec infer(List<Spec> in) {
    Shape x = in.get(0).shape();
    Shape w = in.get(1).shape();
    if (x.rank() < 1 || w.rank() != 2 || x.dim(-1) != w.dim(1)) {
      throw new ShapeException(
          "adapted linear: input [..., I] and weight [O, I] do not fit: %s with %s"
              .formatted(x, w));
    }
    checkFactors(in);
    return new Spec(x.with(-1, w.dim(0)), in.get(0).dtype());
  }

  private void checkFactors(List<Spec> in) {
    Shape w = in.get(1).shape();
    int factor = FIRST_FACTOR;
    for (Term term : terms) {
      long k = term.blocks();
      Shape a = in.get(factor).shape();
      Shape b = in.get(factor + 1).shape();
      boolean fits =
          a.rank() == 3
              && b.rank() == 3
              && a.slice(0, 2).equals(Shape.of(k, w.dim(1) / k))
              && b.equals(Shape.of(k, a.dim(2), w.dim(0) / k));
      if (!fits) {
        throw new ShapeException(
            "adapted linear: weight %s in %d x %d blocks needs A [k, I/k, r], B [k, r, O/k]: %s, %s"
                .formatted(w, k, k, a, b));
      }
      for (Spec spec : in.subList(factor, factor + term.inputs())) {
        if (spec.dtype() != in.get(0).dtype()) {
          throw new DTypeException(
              "adapted linear: input and factors differ in type: %s with %s; cast one"
                  .formatted(in.get(0).dtype(), spec.dtype()));
        }
      }
      factor += term.inputs();
    }
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    List<Product> products = products(ctx, in);
    ctx.backend().matmulSum(products, rows(out), Write.SET);
  }

  @Override
  public Runnable deferred(Context ctx, List<Tensor> in, Tensor out) {
    in.forEach(operand -> operand.storage().settle());
    List<Product> products = products(ctx, in);
    return () -> ctx.backend().matmulSum(products, rows(out), Write.SET);
  }

  /** What adds up to the result; forms u and v and saves all that the backward pass reads. */
  private List<Product> products(Context ctx, List<Tensor> in) {
    Tensor x = rows(in.get(0));
    List<Product> products = new ArrayList<>();
    products.add(new Product(Matrix.of(x), Matrix.of(in.get(1)).transpose(), 1));
    int factor = FIRST_FACTOR;
    for (int t = 0; t < terms.size(); t++) {
      Term term = terms.get(t);
      List<Tensor> factors = in.subList(factor, factor + term.inputs());
      forward(ctx, t, dropped(ctx, term, x), factors, products);
      factor += term.inputs();
    }
    for (int i = 0; i < in.size(); i++) {
      ctx.save(i, in.get(i));
    }
    return products;
  }

  /** Forms u, and v of the hybrid part; what they add to the result goes to {@code products}. */
  private void forward(Context ctx, int t, Tensor x, List<Tensor> factors, List<Product> products) {
    Term term = terms.get(t);
    Tensor a = factors.get(0);
    Tensor b = factors.get(1);
    Tensor u = ctx.scratch(x.dtype(), Shape.of(x.shape().dim(0), term.blocks(), b.shape().dim(1)));
    ctx.backend().matmul(blocks(x, term), Matrix.of(a), blocks(u), 1, Write.SET);
    LowRank origin = new LowRank(Matrix.of(x), Matrix.of(a), 1);
    products.add(new Product(runs(u), Matrix.of(b), term.scale(), origin));
    ctx.save(savedAt(t), u);
    if (term.hybrid()) {
      Tensor v = ctx.scratch(x.dtype(), Shape.of(x.shape().dim(0), factors.get(2).shape().dim(0)));
      Matrix general = Matrix.of(factors.get(2)).transpose();
      ctx.backend().matmul(Matrix.of(x), general, Matrix.of(v), 1, Write.SET);
      Matrix back = Matrix.of(factors.get(3)).transpose();
      LowRank hybrid = new LowRank(Matrix.of(x), general, 1);
      products.add(new Product(Matrix.of(v), back, term.scale(), hybrid));
      ctx.save(savedAt(t) + 1, v);
    }
  }

  @Override
  public void vjp(Context ctx, Tensor upstream, Gradients grads) {
    Tensor g = rows(upstream);
    Tensor x = rows(ctx.saved(0));
    Tensor target = grads.target(0);
    Tensor dx = target == null ? null : rows(target);
    Write write = grads.write(0);
    List<Product> inputGradient = new ArrayList<>();
    inputGradient.add(new Product(Matrix.of(g), Matrix.of(ctx.saved(1)), 1));
    Tensor dw = grads.target(1);
    if (dw != null) {
      ctx.backend()
          .matmul(Matrix.of(g).transpose(), Matrix.of(x), Matrix.of(dw), 1, grads.write(1));
    }
    int factor = FIRST_FACTOR;
    for (int t = 0; t < terms.size(); t++) {
      Term term = terms.get(t);
      Tensor dropped = dropped(ctx, term, x);
      List<Product> ofTerm = vjp(ctx, t, factor, dropped, g, grads);
      if (term.dropout() == 0) {
        inputGradient.addAll(ofTerm);
      } else if (dx != null) {
        addDropped(ctx, term, ofTerm, dx, write);
        write = Write.ADD;
      }
      factor += term.inputs();
    }
    if (dx != null) {
      ctx.backend().matmulSum(inputGradient, dx, write);
    }
  }

  /** The gradient of what the term dropped elements of, with the same elements dropped. */
  private static void addDropped(
      Context ctx, Term term, List<Product> products, Tensor dx, Write write) {
    Tensor dDropped = ctx.scratch(dx.dtype(), dx.shape());
    ctx.backend().matmulSum(products, dDropped, Write.SET);
    ctx.backend().dropout(dDropped, term.dropout(), term.seed(), term.counter(), dx, write);
  }

  /** Gradients of the factors of term {@code t}; the result adds up to that of its input. */
  private List<Product> vjp(Context ctx, int t, int factor, Tensor x, Tensor g, Gradients grads) {
    Term term = terms.get(t);
    Tensor a = ctx.saved(factor);
    Tensor b = ctx.saved(factor + 1);
    Tensor u = ctx.saved(savedAt(t));
    Tensor db = grads.target(factor + 1);
    if (db != null) {
      Matrix z = runs(u).transpose();
      ctx.backend()
          .matmul(z, blocks(g, term), Matrix.of(db), term.scale(), grads.write(factor + 1));
    }
    Tensor dz = ctx.scratch(u.dtype(), u.shape());
    Matrix bT = Matrix.of(b).transpose();
    ctx.backend().matmul(blocks(g, term), bT, blocks(dz), term.scale(), Write.SET);
    Tensor da = grads.target(factor);
    if (da != null) {
      Matrix xT = blocks(x, term).transpose();
      ctx.backend().matmul(xT, runs(dz), Matrix.of(da), 1, grads.write(factor));
    }
    List<Product> products = new ArrayList<>();
    LowRank origin = new LowRank(Matrix.of(g), bT, term.scale());
    products.add(new Product(runs(dz), Matrix.of(a).transpose(), 1, origin));
    if (term.hybrid()) {
      products.add(vjpHybrid(ctx, t, factor + 2, x, g, grads));
    }
    return products;
  }

  /** v = x Ag^T, y += c v Bg^T: dBg = c g^T v, dv = c g Bg, dAg = dv^T x, dx += dv Ag. */
  private Product vjpHybrid(Context ctx, int t, int factor, Tensor x, Tensor g, Gradients grads) {
    double scale = terms.get(t).scale();
    Tensor v = ctx.saved(savedAt(t) + 1);
    Tensor db = grads.target(factor + 1);
    if (db != null) {
      ctx.backend()
          .matmul(
              Matrix.of(g).transpose(),
              Matrix.of(v),
              Matrix.of(db),
              scale,
              grads.write(factor + 1));
    }
    Tensor dv = ctx.scratch(v.dtype(), v.shape());
    Matrix general = Matrix.of(ctx.saved(factor + 1));
    ctx.backend().matmul(Matrix.of(g), general, Matrix.of(dv), scale, Write.SET);
    Tensor da = grads.target(factor);
    if (da != null) {
      ctx.backend()
          .matmul(Matrix.of(dv).transpose(), Matrix.of(x), Matrix.of(da), 1, grads.write(factor));
    }
    LowRank origin = new LowRank(Matrix.of(g), general, scale);
    return new Product(Matrix.of(dv), Matrix.of(ctx.saved(factor)), 1, origin);
  }

  private int savedAt(int t) {
    int inputs = FIRST_FACTOR;
    for (Term term : terms) {
      inputs += term.inputs();
    }
    return inputs + t * SAVED_PER_TERM;
  }

  private static Tensor dropped(Context ctx, Term term, Tensor x) {
    if (term.dropout() == 0) {
      return x;
    }
    Tensor dropped = ctx.scratch(x.dtype(), x.shape());
    ctx.backend().dropout(x, term.dropout(), term.seed(), term.counter(), dropped, Write.SET);
    return dropped;
  }

  private static Tensor rows(Tensor tensor) {
    return tensor.reshape(-1, tensor.shape().dim(-1));
  }

  /** [T, D] as k matrices [T, D/k]: the column blocks. */
  private static Matrix blocks(Tensor tensor, Term term) {
    return Matrix.columnBlocks(tensor, term.blocks());
  }

  /** [T, k, r] as k matrices [T, r]. */
  private static Matrix blocks(Tensor tensor) {
    return Matrix.of(tensor.permute(1, 0, 2));
  }

  /** u [T, n, (j, s)] as the matrices z_j [T, (n, s)]; dz [T, j, (n, s)] as du_n [T, (j, s)]. */
  private static Matrix runs(Tensor tensor) {
    long k = tensor.shape().dim(1);
    Tensor split = tensor.reshape(tensor.shape().dim(0), k, k, tensor.shape().dim(2) / k);
    return Matrix.grouped(split.permute(2, 0, 1, 3), 1, 1);
  }
}
