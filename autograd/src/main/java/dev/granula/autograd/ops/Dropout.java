package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.List;

/**
 * Zeroes elements with {@code probability} and scales the others by 1 / (1 - probability). The mask
 * is drawn from the counter again in the backward pass, not stored.
 */
public record Dropout(double probability, long seed, long counter) implements Op {
  public Dropout {
    checkProbability(probability);
  }

  /** Refuses a probability outside of [0, 1), which would leave nothing to scale. */
  public static double checkProbability(double probability) {
    if (!(probability >= 0 && probability < 1)) {
      throw new IllegalArgumentException(
          "dropout: the probability must be in [0, 1), it is " + probability);
    }
    return probability;
  }

  @Override
  public Spec infer(List<Spec> in) {
    return new Spec(in.getFirst().shape(), Types.common(name(), in));
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    ctx.backend().dropout(in.getFirst(), probability, seed, counter, out, Write.SET);
  }

  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Tensor target = grads.target(0);
    if (target != null) {
      ctx.backend().dropout(g, probability, seed, counter, target, grads.write(0));
    }
  }
}
