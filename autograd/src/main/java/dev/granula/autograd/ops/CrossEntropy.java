package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.util.List;

/**
 * {@code scale * sum(lse(logits[n]) - logits[n, target[n]])} over rows whose target is not
 * negative; logits [N, V], targets I32 [N].
 */
public record CrossEntropy(Tensor targets, double scale) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Shape logits = in.getFirst().shape();
    Targets.check(name(), targets, logits, logits.rank() == 2 ? logits.dim(1) : 0);
    return new Spec(Shape.scalar(), Types.common(name(), in));
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    Tensor logits = in.getFirst();
    Tensor lse = ctx.scratch(logits.dtype(), targets.shape());
    ctx.backend().crossEntropy(logits, targets, scale, out, lse);
    ctx.save(0, logits);
    ctx.save(1, lse);
  }

  @Override
  public List<Tensor> attributes() {
    return List.of(targets);
  }

  // dLogits = g scale (softmax(logits) - onehot(target))
  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Tensor target = grads.target(0);
    if (target != null) {
      ctx.backend()
          .crossEntropyGrad(ctx.saved(0), targets, ctx.saved(1), scale, g, target, grads.write(0));
    }
  }
}
