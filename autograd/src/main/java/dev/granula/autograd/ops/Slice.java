package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.List;

/** Elements {@code from} (inclusive) to {@code to} (exclusive) along one dimension. */
public record Slice(int dim, long from, long to) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Shape shape = in.getFirst().shape();
    if (from < 0 || to < from || to > shape.dim(dim)) {
      throw new ShapeException(
          "slice: [%d, %d) is outside dimension %d of %s".formatted(from, to, dim, shape));
    }
    return new Spec(shape.with(dim, to - from), in.getFirst().dtype());
  }

  @Override
  public Tensor view(List<Tensor> in) {
    return in.getFirst().slice(dim, from, to);
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    ctx.backend().copy(view(in), out);
  }

  // zero outside of the slice
  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Tensor target = grads.target(0);
    if (target == null) {
      return;
    }
    if (grads.write(0) == Write.SET) {
      ctx.backend().fill(target, 0);
    }
    ctx.backend()
        .evaluate(
            Expression.input(0), List.of(g), new double[0], target.slice(dim, from, to), Write.ADD);
  }

  @Override
  public boolean takesStrides() {
    return true;
  }
}
