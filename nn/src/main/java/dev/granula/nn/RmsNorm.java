package dev.granula.nn;

import dev.granula.autograd.Variable;
import dev.granula.tensor.Tensor;

/** Root-mean-square normalisation over the last dimension. */
public final class RmsNorm extends Layer {
  private final Parameter weight;
  private final double eps;

  public RmsNorm(Tensor weight, double eps) {
    this.weight = register("weight", Parameter.base(weight));
    this.eps = eps;
  }

  @Override
  public Variable forward(Variable x) {
    return x.rmsNorm(weight.variable(), eps);
  }
}
