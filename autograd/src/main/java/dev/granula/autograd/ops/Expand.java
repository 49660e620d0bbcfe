package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.List;

/** Repeats dimensions of size 1; the gradient is summed over them. */
public record Expand(Shape shape) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Shape from = in.getFirst().shape();
    if (!Shape.broadcast("expand", from, shape).equals(shape)) {
      throw new ShapeException("expand: %s does not expand to %s".formatted(from, shape));
    }
    return new Spec(shape, in.getFirst().dtype());
  }

  @Override
  public Tensor view(List<Tensor> in) {
    return in.getFirst().expand(shape);
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    ctx.backend().copy(view(in), out);
  }

  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    grads.pass(0, g);
  }

  @Override
  public boolean takesStrides() {
    return true;
  }
}
