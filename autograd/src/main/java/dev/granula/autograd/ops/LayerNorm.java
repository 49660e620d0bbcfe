package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Tensor;
import java.util.List;

/** {@code y = (x - mean) / sqrt(var + eps) * weight + bias} over the last dimension. */
public record LayerNorm(double eps) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Rows.checkWeight(name(), in.get(0).shape(), in.get(1).shape());
    Rows.checkWeight(name(), in.get(0).shape(), in.get(2).shape());
    return new Spec(in.get(0).shape(), Types.common(name(), in));
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    Tensor mean = ctx.scratch(out.dtype(), Rows.of(out.shape()));
    Tensor inverseStd = ctx.scratch(out.dtype(), Rows.of(out.shape()));
    ctx.backend().layerNorm(in.get(0), in.get(1), in.get(2), eps, out, mean, inverseStd);
    ctx.save(0, in.get(0));
    ctx.save(1, in.get(1));
    ctx.save(2, mean);
    ctx.save(3, inverseStd);
  }

  // n the normalised x, s the inverse deviation: dx = s (g w - mean(g w) - n mean(g w n)),
  // dw = sum(g n), db = sum(g)
  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Tensor dx = grads.target(0);
    Tensor dWeight = grads.target(1);
    Tensor dBias = grads.target(2);
    ctx.backend()
        .layerNormGrad(
            ctx.saved(0),
            ctx.saved(1),
            ctx.saved(2),
            ctx.saved(3),
            g,
            dx,
            grads.write(0),
            dWeight,
            grads.write(1),
            dBias,
            grads.write(2));
  }

  @Override
  public boolean isCheap() {
    return true;
  }
}
