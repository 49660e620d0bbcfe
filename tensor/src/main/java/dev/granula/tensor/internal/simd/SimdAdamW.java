package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.tensor.Backend.AdamWStep;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.expression.Expression;
import java.util.List;

/** AdamW over all tensors at once, piece by piece; the formulas stand at the plain form. */
final class SimdAdamW {
  /** moment, g. */
  private static final Expression FIRST = input(0).mul(scalar(0)).add(input(1).mul(scalar(1)));

  private static final Expression SECOND =
      input(0).mul(scalar(0)).add(input(1).mul(input(1)).mul(scalar(1)));

  /** parameter, m, v. */
  private static final Expression PARAMETER =
      input(0)
          .mul(scalar(0))
          .sub(input(1).mul(scalar(1)).div(input(2).sqrt().mul(scalar(2)).add(scalar(3))));

  private final Context context;

  SimdAdamW(Context context) {
    this.context = context;
  }

  /** False, and nothing done, if not all are contiguous F32. */
  boolean step(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      AdamWStep step,
      Tensor gradScale) {
    if (!Pieces.supports(parameters)
        || !Pieces.supports(gradients)
        || !Pieces.supports(firstMoments)
        || !Pieces.supports(secondMoments)) {
      return false;
    }
    double factor = gradScale.load(gradScale.offset());
    double correction1 = 1 - Math.pow(step.beta1(), step.step());
    double correction2 = 1 - Math.pow(step.beta2(), step.step());
    double[] first = {step.beta1(), (1 - step.beta1()) * factor};
    double[] second = {step.beta2(), (1 - step.beta2()) * factor * factor};
    double[] parameter = {
      1 - step.learningRate() * step.weightDecay(),
      step.learningRate() / correction1,
      1 / Math.sqrt(correction2),
      step.eps()
    };
    Pieces pieces = Pieces.of(parameters);
    Loop firstLoop = context.loops().get(FIRST, Store.SET);
    Loop secondLoop = context.loops().get(SECOND, Store.SET);
    Loop parameterLoop = context.loops().get(PARAMETER, Store.SET);
    context
        .workers()
        .run(
            pieces.count(),
            (task, _) -> {
              Rows p = pieces.rows(parameters, task);
              Rows g = pieces.rows(gradients, task);
              Rows m = pieces.rows(firstMoments, task);
              Rows v = pieces.rows(secondMoments, task);
              new Pass(firstLoop, first, m, g).store(0, m);
              new Pass(secondLoop, second, v, g).store(0, v);
              new Pass(parameterLoop, parameter, p, m, v).store(0, p);
            });
    return true;
  }
}
