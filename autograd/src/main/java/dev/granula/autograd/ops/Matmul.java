package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.Arrays;
import java.util.List;

/** Batched product [..., M, K] x [..., K, N]; leading dimensions broadcast. */
public record Matmul() implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Shape a = in.get(0).shape();
    Shape b = in.get(1).shape();
    if (a.rank() < 2 || b.rank() < 2) {
      throw new ShapeException(
          "matmul: operands need at least 2 dimensions: %s x %s; reshape vectors".formatted(a, b));
    }
    if (a.dim(-1) != b.dim(-2)) {
      throw new ShapeException(
          "matmul: inner dimensions differ: %s x %s%s"
              .formatted(a, b, a.dim(-1) == b.dim(-1) ? "; transpose the right-hand side?" : ""));
    }
    Shape batch = batch(a, b);
    long[] dims = Arrays.copyOf(batch.toArray(), batch.rank() + 2);
    dims[batch.rank()] = a.dim(-2);
    dims[batch.rank() + 1] = b.dim(-1);
    return new Spec(Shape.of(dims), Types.common(name(), in));
  }

  private static Shape batch(Shape a, Shape b) {
    return Shape.broadcast("matmul", a.slice(0, a.rank() - 2), b.slice(0, b.rank() - 2));
  }

  private static Matrix operand(Tensor tensor, Shape batch) {
    long[] dims = Arrays.copyOf(batch.toArray(), batch.rank() + 2);
    dims[batch.rank()] = tensor.shape().dim(-2);
    dims[batch.rank() + 1] = tensor.shape().dim(-1);
    return Matrix.of(tensor.expand(Shape.of(dims)));
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    Shape batch = batch(in.get(0).shape(), in.get(1).shape());
    Matrix a = operand(in.get(0), batch);
    Matrix b = operand(in.get(1), batch);
    ctx.backend().matmul(a, b, Matrix.of(out), 1, Write.SET);
    if (ctx.needs(1)) {
      ctx.save(0, in.get(0));
    }
    if (ctx.needs(0)) {
      ctx.save(1, in.get(1));
    }
  }

  // C = A B: dA = g B^T, dB = A^T g
  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Shape batch = g.shape().slice(0, g.shape().rank() - 2);
    Matrix upstream = Matrix.of(g);
    if (grads.needs(0)) {
      Matrix b = operand(ctx.saved(1), batch).transpose();
      contribute(ctx, grads, 0, upstream, b, batch);
    }
    if (grads.needs(1)) {
      Matrix a = operand(ctx.saved(0), batch).transpose();
      contribute(ctx, grads, 1, a, upstream, batch);
    }
  }

  private static void contribute(
      Context ctx, Gradients grads, int i, Matrix a, Matrix b, Shape batch) {
    long[] dims = Arrays.copyOf(batch.toArray(), batch.rank() + 2);
    dims[batch.rank()] = a.rows().size();
    dims[batch.rank() + 1] = b.cols().size();
    grads.contribute(
        i,
        Shape.of(dims),
        (target, write) -> ctx.backend().matmul(a, b, Matrix.of(target), 1, write));
  }

  @Override
  public boolean takesStrides() {
    return true;
  }
}
