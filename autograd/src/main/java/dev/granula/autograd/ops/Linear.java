package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.List;

/**
 * {@code y = x W^T}: x [..., I], W [O, I], y [..., O]. A frozen W may be stored in BF16 or F16;
 * then nothing is kept of x.
 */
public record Linear() implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Shape x = in.get(0).shape();
    Shape w = in.get(1).shape();
    if (x.rank() < 1 || w.rank() != 2 || x.dim(-1) != w.dim(1)) {
      throw new ShapeException(
          "linear: input [..., I] and weight [O, I] do not fit: %s with %s".formatted(x, w));
    }
    return new Spec(x.with(-1, w.dim(0)), Types.withWeight(name(), in.get(0), in.get(1)));
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    multiply(ctx, in, out);
    save(ctx, in);
  }

  @Override
  public Runnable deferred(Context ctx, List<Tensor> in, Tensor out) {
    save(ctx, in);
    return () -> multiply(ctx, in, out);
  }

  private static void multiply(Context ctx, List<Tensor> in, Tensor out) {
    Matrix x = Matrix.flat(in.get(0));
    Matrix w = Matrix.of(in.get(1));
    ctx.backend().matmul(x, w.transpose(), Matrix.flat(out), 1, Write.SET);
  }

  private static void save(Context ctx, List<Tensor> in) {
    for (int i = 0; i < 2; i++) {
      if (ctx.needs(1 - i)) {
        ctx.save(i, in.get(i));
      }
    }
  }

  // y = x W^T: dx = g W, dW = g^T x
  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Matrix upstream = Matrix.flat(g);
    Tensor dx = grads.target(0);
    if (dx != null) {
      Matrix w = Matrix.of(ctx.saved(1));
      ctx.backend().matmul(upstream, w, Matrix.flat(dx), 1, grads.write(0));
    }
    Tensor dw = grads.target(1);
    if (dw != null) {
      Matrix x = Matrix.flat(ctx.saved(0));
      ctx.backend().matmul(upstream.transpose(), x, Matrix.of(dw), 1, grads.write(1));
    }
  }
}
