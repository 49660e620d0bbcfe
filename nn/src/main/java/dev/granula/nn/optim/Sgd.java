package dev.granula.nn.optim;

import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.nn.Parameter;
import dev.granula.tensor.Backend;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.List;
import java.util.Map;

/** Stochastic gradient descent with momentum and L2 weight decay, as torch.optim.SGD. */
public final class Sgd extends MomentOptimizer {
  private static final Expression DECAYED = input(0).mul(input(2)).add(input(1).mul(scalar(1)));

  // momentum' = mu momentum + (scale g + decay p); the first step starts from zero, as in PyTorch
  private static final Expression MOMENTUM = input(3).mul(scalar(0)).add(DECAYED);
  private static final Expression UPDATE = input(1).sub(input(3).mul(scalar(2)));
  private static final Expression PLAIN_UPDATE = input(1).sub(DECAYED.mul(scalar(2)));

  private final double momentum;
  private final double weightDecay;

  /** With a {@code momentum} of 0 it is plain gradient descent and keeps no state. */
  public Sgd(Map<String, Parameter> parameters, double momentum, double weightDecay) {
    super(parameters, momentum == 0 ? new String[0] : new String[] {"momentum_buffer"});
    this.momentum = momentum;
    this.weightDecay = weightDecay;
  }

  @Override
  public void step(double learningRate, Tensor gradientScale) {
    countStep();
    List<List<Tensor>> operands = operands();
    Backend backend = gradientScale.backend();
    double[] scalars = {momentum, weightDecay, learningRate};
    for (int i = 0; i < operands.get(0).size(); i++) {
      Tensor parameter = operands.get(0).get(i);
      Tensor gradient = operands.get(1).get(i);
      if (momentum == 0) {
        List<Tensor> in = List.of(gradient, parameter, gradientScale);
        backend.evaluate(PLAIN_UPDATE, in, scalars, parameter, Write.SET);
        continue;
      }
      Tensor velocity = operands.get(2).get(i);
      List<Tensor> in = List.of(gradient, parameter, gradientScale, velocity);
      backend.evaluate(MOMENTUM, in, scalars, velocity, Write.SET);
      backend.evaluate(UPDATE, in, scalars, parameter, Write.SET);
    }
  }
}
