package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.List;

/** Joins tensors that agree in all dimensions but one. */
public record Cat(int dim) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Spec first = in.getFirst();
    long size = 0;
    for (Spec spec : in) {
      boolean fits = spec.shape().rank() == first.shape().rank() && spec.dtype() == first.dtype();
      if (!fits || !spec.shape().with(dim, 0).equals(first.shape().with(dim, 0))) {
        throw new ShapeException(
            "cat: parts must agree but in dimension %d: %s%s with %s%s"
                .formatted(dim, first.dtype(), first.shape(), spec.dtype(), spec.shape()));
      }
      size += spec.shape().dim(dim);
    }
    return new Spec(first.shape().with(dim, size), first.dtype());
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    long at = 0;
    for (Tensor part : in) {
      long size = part.shape().dim(dim);
      ctx.backend().copy(part, out.slice(dim, at, at + size));
      at += size;
    }
  }

  // each part gets its slice of the gradient
  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    long at = 0;
    for (int i = 0; i < grads.count(); i++) {
      long size = grads.shape(i).dim(dim);
      grads.pass(i, g.slice(dim, at, at + size));
      at += size;
    }
  }

  @Override
  public boolean takesStrides() {
    return true;
  }
}
