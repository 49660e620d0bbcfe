package dev.granula.training;

import dev.granula.tensor.Philox;

/**
 * The seeds of a run, derived from one: equal numbers for the data order and for dropout would tie
 * the two together.
 *
 * @param order of the samples
 * @param adapter initial values
 * @param dropout where the run begins in the model's stream of random numbers
 */
public record Seeds(long order, long adapter, long dropout) {
  public static Seeds of(long seed) {
    return new Seeds(derive(seed, 0), derive(seed, 1), derive(seed, 2));
  }

  private static long derive(long seed, long purpose) {
    int[] words = new int[4];
    Philox.block(seed, purpose, words);
    return ((words[0] & 0xffffffffL) << 32) | (words[1] & 0xffffffffL);
  }
}
