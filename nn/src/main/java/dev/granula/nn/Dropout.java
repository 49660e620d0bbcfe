package dev.granula.nn;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;

/** Dropout while {@link #isTraining}; nothing otherwise. */
public final class Dropout extends Layer {
  private final double probability;
  private final RandomStream random;

  public Dropout(double probability, RandomStream random) {
    this.probability = probability;
    this.random = random;
  }

  @Override
  public Variable forward(Variable x) {
    return isTraining() ? x.dropout(probability, random) : x;
  }
}
