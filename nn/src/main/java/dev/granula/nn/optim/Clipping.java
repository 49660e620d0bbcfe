package dev.granula.nn.optim;

import static dev.granula.tensor.expression.Expression.constant;
import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.nn.Parameter;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.Collection;
import java.util.List;
import java.util.Objects;

/**
 * Clipping by the norm of all gradients together, as torch.nn.utils.clip_grad_norm_. One factor for
 * all gradients couples the blocks of a GraLoRA adapter: an outlier in one block then scales the
 * update of every other.
 *
 * @param norm one element, before clipping
 * @param factor one element, {@code min(1, maxNorm / (norm + 1e-6))}: what the optimizer multiplies
 *     by
 */
public record Clipping(Tensor norm, Tensor factor) {
  private static final double EPS = 1e-6;

  // min(1, m / (n + eps)) = -max(-1, -m / (n + eps))
  private static final Expression FACTOR =
      scalar(0).div(input(0).add(EPS)).neg().max(constant(-1)).neg();

  /** The norm of the present gradients; a {@code maxNorm} of 0 means no clipping (factor 1). */
  public static Clipping of(Collection<Parameter> parameters, double maxNorm) {
    List<Tensor> gradients =
        parameters.stream().map(Parameter::grad).filter(Objects::nonNull).toList();
    if (gradients.isEmpty()) {
      throw new GranulaException("clip: no parameter has a gradient; call backward first");
    }
    Tensor first = gradients.getFirst();
    Tensor norm = Tensor.empty(first.device(), first.dtype(), Shape.scalar());
    first.backend().norm(gradients, norm);
    Tensor factor = Tensor.full(first.device(), first.dtype(), Shape.scalar(), 1);
    if (maxNorm > 0) {
      first.backend().evaluate(FACTOR, List.of(norm), new double[] {maxNorm}, factor, Write.SET);
    }
    return new Clipping(norm, factor);
  }
}
