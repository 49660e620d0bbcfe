package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.DType;
import dev.granula.tensor.DTypeException;
import dev.granula.tensor.Tensor;
import java.util.List;

/** Converts the element type, rounding to nearest even; the gradient is converted back. */
public record Cast(DType target) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    if (!target.isFloating() || !in.getFirst().dtype().isFloating()) {
      throw new DTypeException(
          "cast: needs floating types: %s to %s".formatted(in.getFirst().dtype(), target));
    }
    return new Spec(in.getFirst().shape(), target);
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    ctx.backend().copy(in.getFirst(), out);
  }

  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    if (grads.needs(0)) {
      grads.pass(0, g.to(grads.dtype(0)));
    }
  }

  @Override
  public boolean takesStrides() {
    return true;
  }
}
