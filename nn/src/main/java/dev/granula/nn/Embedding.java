package dev.granula.nn;

import dev.granula.autograd.Variable;
import dev.granula.tensor.Tensor;

/** Rows of a table [V, D] by token id. */
public final class Embedding extends Module {
  private final Parameter weight;

  public Embedding(Tensor weight) {
    this.weight = register("weight", Parameter.base(weight));
  }

  public Parameter weight() {
    return weight;
  }

  /** {@code ids} I32 of any shape; the result is [ids..., D] in F32. */
  public Variable forward(Tensor ids) {
    return weight.variable().embedding(ids);
  }
}
