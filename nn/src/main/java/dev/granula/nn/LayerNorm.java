package dev.granula.nn;

import dev.granula.autograd.Variable;
import dev.granula.tensor.Tensor;

/** Layer normalisation over the last dimension. */
public final class LayerNorm extends Layer {
  private final Parameter weight;
  private final Parameter bias;
  private final double eps;

  public LayerNorm(Tensor weight, Tensor bias, double eps) {
    this.weight = register("weight", Parameter.base(weight));
    this.bias = register("bias", Parameter.base(bias));
    this.eps = eps;
  }

  @Override
  public Variable forward(Variable x) {
    return x.layerNorm(weight.variable(), bias.variable(), eps);
  }
}
