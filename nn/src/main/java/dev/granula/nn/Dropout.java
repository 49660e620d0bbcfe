package dev.granula.nn;

import static dev.granula.autograd.ops.Dropout.checkProbability;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;

/** Dropout while {@link #isTraining}; nothing otherwise. */
public final class Dropout extends Layer {
  private final double probability;
  private final RandomStream random;

  /**
   * Draws its masks from {@code random}.
   *
   * @param probability of an element to become zero, in [0, 1)
   * @throws IllegalArgumentException if the probability is outside of that
   */
  public Dropout(double probability, RandomStream random) {
    this.probability = checkProbability(probability);
    this.random = random;
  }

  @Override
  public Variable forward(Variable x) {
    return isTraining() ? x.dropout(probability, random) : x;
  }
}
