package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.List;

/** x - lse(x) over the last dimension. */
public record LogSoftmax() implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    if (in.getFirst().shape().rank() == 0) {
      throw new ShapeException("logSoftmax: needs at least one dimension: []");
    }
    return new Spec(in.getFirst().shape(), Types.common(name(), in));
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    ctx.backend().logSoftmax(in.getFirst(), out);
    ctx.save(0, out);
  }

  // y = log softmax(x): dx = g - exp(y) sum(g)
  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Tensor target = grads.target(0);
    if (target != null) {
      ctx.backend().logSoftmaxGrad(ctx.saved(0), g, target, grads.write(0));
    }
  }
}
