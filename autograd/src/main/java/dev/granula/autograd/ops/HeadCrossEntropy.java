package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.expression.Expression;
import java.util.List;

/**
 * Cross-entropy of {@code hidden weight^T} with the output head folded in: hidden [N, D], weight
 * [V, D] (frozen weights may be BF16), targets I32 [N]. The [N, V] logits are never stored; with a
 * frozen head the gradient of hidden is formed in the forward pass, so that the weights are read
 * once.
 */
public record HeadCrossEntropy(Tensor targets, double scale) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Shape hidden = in.get(0).shape();
    Shape weight = in.get(1).shape();
    Targets.check(name(), targets, hidden, weight.dim(0));
    if (weight.rank() != 2 || weight.dim(1) != hidden.dim(1)) {
      throw new ShapeException(
          "headCrossEntropy: widths differ: hidden %s, weight %s".formatted(hidden, weight));
    }
    return new Spec(Shape.scalar(), Types.withWeight(name(), in.get(0), in.get(1)));
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    Tensor hidden = in.get(0);
    Tensor weight = in.get(1);
    Tensor lse = ctx.scratch(hidden.dtype(), targets.shape());
    boolean inOnePass = ctx.needs(0) && !ctx.needs(1);
    Tensor dHidden = inOnePass ? ctx.scratch(hidden.dtype(), hidden.shape()) : null;
    ctx.backend().headCrossEntropy(hidden, weight, targets, scale, out, lse, dHidden);
    if (dHidden != null) {
      ctx.save(3, dHidden);
    } else if (ctx.recording()) {
      ctx.save(0, hidden);
      ctx.save(1, weight);
      ctx.save(2, lse);
    }
  }

  @Override
  public List<Tensor> attributes() {
    return List.of(targets);
  }

  // dLogits = g scale (softmax(logits) - onehot(target)):
  // dHidden = dLogits W, dW = dLogits^T hidden
  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    if (ctx.hasSaved(3)) {
      Tensor unit = ctx.saved(3);
      Expression product = Expression.input(0).mul(Expression.input(1));
      grads.contribute(
          0,
          unit.shape(),
          (target, write) ->
              ctx.backend().evaluate(product, List.of(unit, g), new double[0], target, write));
      return;
    }
    Tensor dHidden = grads.target(0);
    Tensor dWeight = grads.target(1);
    ctx.backend()
        .headCrossEntropyGrad(
            ctx.saved(0),
            ctx.saved(1),
            targets,
            ctx.saved(2),
            scale,
            g,
            dHidden,
            grads.write(0),
            dWeight,
            grads.write(1));
  }
}
