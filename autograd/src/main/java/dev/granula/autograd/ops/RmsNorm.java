package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Tensor;
import java.util.List;

/** {@code y = x / sqrt(mean(x^2) + eps) * weight} over the last dimension; weight [D]. */
public record RmsNorm(double eps) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Rows.checkWeight(name(), in.get(0).shape(), in.get(1).shape());
    return new Spec(in.get(0).shape(), Types.common(name(), in));
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    Tensor inverseRms = ctx.scratch(out.dtype(), Rows.of(out.shape()));
    ctx.backend().rmsNorm(in.get(0), in.get(1), eps, out, inverseRms);
    ctx.save(0, in.get(0));
    ctx.save(1, in.get(1));
    ctx.save(2, inverseRms);
  }

  // n = x s, s the inverse root mean square: dx = s (g w - n mean(g w n)), dw = sum(g n)
  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Tensor dx = grads.target(0);
    Tensor dWeight = grads.target(1);
    ctx.backend()
        .rmsNormGrad(
            ctx.saved(0),
            ctx.saved(1),
            ctx.saved(2),
            g,
            dx,
            grads.write(0),
            dWeight,
            grads.write(1));
  }

  @Override
  public boolean isCheap() {
    return true;
  }
}
