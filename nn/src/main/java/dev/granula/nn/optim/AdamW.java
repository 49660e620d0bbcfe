package dev.granula.nn.optim;

import dev.granula.nn.Parameter;
import dev.granula.tensor.Backend;
import dev.granula.tensor.Tensor;
import java.util.List;
import java.util.Map;

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019), as torch.optim.AdamW. */
public final class AdamW extends MomentOptimizer {
  /** Settings; {@link #DEFAULT} has PyTorch's values but no weight decay. */
  public record Settings(double beta1, double beta2, double eps, double weightDecay) {
    public static final Settings DEFAULT = new Settings(0.9, 0.999, 1e-8, 0);

    public Settings {
      if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1 && eps >= 0 && weightDecay >= 0)) {
        throw new IllegalArgumentException(
            "AdamW: betas must be in [0, 1), eps and weight decay at least 0: %s, %s, %s, %s"
                .formatted(beta1, beta2, eps, weightDecay));
      }
    }

    public Settings withWeightDecay(double decay) {
      return new Settings(beta1, beta2, eps, decay);
    }
  }

  private final Settings settings;

  public AdamW(Map<String, Parameter> parameters, Settings settings) {
    super(parameters, "exp_avg", "exp_avg_sq");
    this.settings = settings;
  }

  @Override
  public void step(double learningRate, Tensor gradientScale) {
    List<List<Tensor>> operands = operands();
    Backend.AdamWStep step =
        new Backend.AdamWStep(
            learningRate,
            settings.beta1(),
            settings.beta2(),
            settings.eps(),
            settings.weightDecay(),
            countStep());
    gradientScale
        .backend()
        .adamW(
            operands.get(0),
            operands.get(1),
            operands.get(2),
            operands.get(3),
            step,
            gradientScale);
  }
}
