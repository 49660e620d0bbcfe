package dev.granula.models;

import dev.granula.autograd.Variable;
import dev.granula.nn.Embedding;
import dev.granula.nn.Layer;
import dev.granula.nn.Parameter;

/** An output head that is the embedding; the parameter has its one name there. */
final class TiedHead extends Layer {
  private final Embedding embedding;

  TiedHead(Embedding embedding) {
    this.embedding = embedding;
  }

  Parameter weight() {
    return embedding.weight();
  }

  @Override
  public Variable forward(Variable x) {
    return x.linear(weight().variable(), null);
  }
}
