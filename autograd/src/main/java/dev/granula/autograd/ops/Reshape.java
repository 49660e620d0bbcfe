package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The same elements in another shape. */
public record Reshape(Shape shape) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Spec x = in.getFirst();
    return new Spec(x.shape().reshape(shape.toArray()), x.dtype());
  }

  @Override
  public @Nullable Tensor view(List<Tensor> in) {
    Tensor x = in.getFirst();
    return x.canReshape(shape) ? x.reshape(shape.toArray()) : null;
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    ctx.backend().copy(in.getFirst(), out.reshape(in.getFirst().shape().toArray()));
  }

  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Shape shape = grads.shape(0);
    grads.pass(0, (g.canReshape(shape) ? g : g.copy()).reshape(shape.toArray()));
  }

  @Override
  public boolean takesStrides() {
    return true;
  }
}
