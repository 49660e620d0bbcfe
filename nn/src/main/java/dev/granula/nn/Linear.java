package dev.granula.nn;

import dev.granula.autograd.Variable;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * {@code y = x W^T + b}, x [..., I], W [O, I]; or {@code y = x W + b} with W [I, O], the layout of
 * transformers' Conv1D (PEFT's {@code fan_in_fan_out}).
 */
public final class Linear extends Layer {
  private final Parameter weight;
  private final @Nullable Parameter bias;
  private final boolean fanInFanOut;

  private Linear(Parameter weight, @Nullable Parameter bias, boolean fanInFanOut) {
    this.fanInFanOut = fanInFanOut;
    if (weight.shape().rank() != 2) {
      throw new ShapeException("linear: the weight needs 2 dimensions: " + weight.shape());
    }
    this.weight = register("weight", weight);
    this.bias = bias == null ? null : register("bias", bias);
    if (bias != null && !bias.shape().equals(Shape.of(outFeatures()))) {
      throw new ShapeException(
          "linear: for weight %s the bias must be [%d], it is %s"
              .formatted(weight.shape(), outFeatures(), bias.shape()));
    }
  }

  /** Weight [O, I], as torch.nn.Linear. */
  public static Linear of(Tensor weight, @Nullable Tensor bias) {
    return new Linear(Parameter.base(weight), bias == null ? null : Parameter.base(bias), false);
  }

  /** Weight [I, O], as transformers' Conv1D. */
  public static Linear conv1d(Tensor weight, @Nullable Tensor bias) {
    return new Linear(Parameter.base(weight), bias == null ? null : Parameter.base(bias), true);
  }

  public long inFeatures() {
    return weight.shape().dim(fanInFanOut ? 0 : 1);
  }

  public long outFeatures() {
    return weight.shape().dim(fanInFanOut ? 1 : 0);
  }

  public boolean isFanInFanOut() {
    return fanInFanOut;
  }

  public Parameter weight() {
    return weight;
  }

  public @Nullable Parameter bias() {
    return bias;
  }

  /** The weight as [O, I] in a graph. */
  public Variable weightOutIn() {
    Variable w = weight.variable();
    return fanInFanOut ? w.transpose(0, 1) : w;
  }

  @Override
  public Variable forward(Variable x) {
    return x.linear(weightOutIn(), bias == null ? null : bias.variable());
  }
}
