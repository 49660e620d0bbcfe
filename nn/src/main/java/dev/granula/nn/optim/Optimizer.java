package dev.granula.nn.optim;

import dev.granula.tensor.Tensor;
import java.util.Map;

/** Updates parameters from their gradients. */
public interface Optimizer {
  /**
   * One update. Parameters without a gradient stay as they are.
   *
   * @param learningRate of this step
   * @param gradientScale one element: the factor for all gradients, see {@link Clipping}
   */
  void step(double learningRate, Tensor gradientScale);

  /** Forgets all gradients; called between steps. */
  void zeroGrad();

  /** Number of steps taken. */
  long steps();

  /**
   * The state by name (parameter path, a dot, name of the moment), to save and to continue from.
   */
  Map<String, Tensor> state();

  /** Continues from {@code steps} taken and the moments that {@link #state} gave. */
  void restore(long steps, Map<String, Tensor> state);
}
