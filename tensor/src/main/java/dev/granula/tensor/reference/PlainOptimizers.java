package dev.granula.tensor.reference;

import dev.granula.tensor.Backend.AdamWStep;
import dev.granula.tensor.Tensor;
import java.util.List;

/** Optimizer steps. */
final class PlainOptimizers {
  private PlainOptimizers() {}

  static void adamW(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      AdamWStep step,
      Tensor gradScale) {
    double factor = Plain.scalar(gradScale);
    for (int i = 0; i < parameters.size(); i++) {
      adamW(
          parameters.get(i),
          gradients.get(i),
          firstMoments.get(i),
          secondMoments.get(i),
          step,
          factor);
    }
  }

  /**
   * Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), algorithm 2, with the
   * learning rate times the decay as in torch.optim.AdamW.
   */
  private static void adamW(
      Tensor parameter,
      Tensor gradient,
      Tensor first,
      Tensor second,
      AdamWStep step,
      double scale) {
    double correction1 = 1 - Math.pow(step.beta1(), step.step());
    double correction2 = 1 - Math.pow(step.beta2(), step.step());
    for (long i = 0; i < parameter.elementCount(); i++) {
      double g = scale * gradient.load(gradient.position(i));
      double p = parameter.load(parameter.position(i));
      double m = first.load(first.position(i));
      double v = second.load(second.position(i));
      p *= 1 - step.learningRate() * step.weightDecay();
      m = step.beta1() * m + (1 - step.beta1()) * g;
      v = step.beta2() * v + (1 - step.beta2()) * g * g;
      p -= step.learningRate() * (m / correction1) / (Math.sqrt(v / correction2) + step.eps());
      parameter.store(parameter.position(i), p);
      first.store(first.position(i), m);
      second.store(second.position(i), v);
    }
  }
}
