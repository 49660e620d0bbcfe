package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.List;

/** exp(x - lse(x)) over the last dimension. */
public record Softmax() implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    if (in.getFirst().shape().rank() == 0) {
      throw new ShapeException("softmax: needs at least one dimension: []");
    }
    return new Spec(in.getFirst().shape(), Types.common(name(), in));
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    ctx.backend().softmax(in.getFirst(), out);
    ctx.save(0, out);
  }

  // y = softmax(x): dx = y (g - sum(g y))
  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Tensor target = grads.target(0);
    if (target != null) {
      ctx.backend().softmaxGrad(ctx.saved(0), g, target, grads.write(0));
    }
  }
}
