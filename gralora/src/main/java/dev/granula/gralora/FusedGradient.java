package dev.granula.gralora;

import static dev.granula.tensor.expression.Expression.input;

import dev.granula.nn.Layer;
import dev.granula.nn.Linear;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a step does to the weight of a layer, whichever way the layer is trained: with learning rate
 * lr, a step of plain gradient descent changes the (fused) weight by {@code -lr} times this, to
 * first order. For full fine-tuning it is F = dL/dW; for adapters see {@link
 * Adapter#fusedGradient}, in which the scale c enters twice. To compare methods at equal size of
 * the update rather than at equal learning rate, divide an adapter's by c^2.
 */
public final class FusedGradient {
  private FusedGradient() {}

  /**
   * The fused gradient [O, I] of {@code layer} after a backward pass.
   *
   * @throws GranulaException if the layer is not linear or nothing of it has a gradient
   */
  public static Tensor of(Layer layer) {
    return switch (layer) {
      case Linear linear -> full(linear);
      case AdaptedLinear adapted -> adapted(adapted);
      default ->
          throw new GranulaException(
              "fusedGradient: needs a linear layer, this is " + layer.getClass().getSimpleName());
    };
  }

  private static Tensor full(Linear linear) {
    Tensor gradient = linear.weight().grad();
    if (gradient == null) {
      throw new GranulaException(
          "fusedGradient: the weight has no gradient; make it trainable and call backward first");
    }
    return linear.isFanInFanOut() ? gradient.transpose(0, 1) : gradient;
  }

  private static Tensor adapted(AdaptedLinear layer) {
    Tensor sum = null;
    for (Adapter adapter : layer.active()) {
      sum = add(sum, adapter.fusedGradient());
    }
    return sum == null ? full(layer.base()) : sum;
  }

  private static Tensor add(@Nullable Tensor sum, Tensor next) {
    if (sum == null) {
      return next;
    }
    sum.backend().evaluate(input(0), List.of(next), new double[0], sum, Write.ADD);
    return sum;
  }
}
