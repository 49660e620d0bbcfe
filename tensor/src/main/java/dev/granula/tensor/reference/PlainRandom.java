package dev.granula.tensor.reference;

import dev.granula.tensor.Philox;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;

/** Counter-based random numbers; elements are numbered in row-major order. */
final class PlainRandom {
  private static final int WORDS = 4;

  private PlainRandom() {}

  static void uniform(long seed, long counter, Tensor out) {
    int[] words = new int[WORDS];
    for (long i = 0; i < out.elementCount(); i++) {
      out.store(out.position(i), unit(seed, counter, i, words));
    }
  }

  /** The mask is a constant of the draw, so the gradient is this same kernel applied to g. */
  static void dropout(
      Tensor x, double probability, long seed, long counter, Tensor out, Write write) {
    int[] words = new int[WORDS];
    for (long i = 0; i < out.elementCount(); i++) {
      boolean dropped = unit(seed, counter, i, words) < probability;
      double y = dropped ? 0 : x.load(x.position(i)) / (1 - probability);
      Plain.put(out, out.position(i), y, write);
    }
  }

  private static double unit(long seed, long counter, long i, int[] words) {
    Philox.block(seed, counter + i / WORDS, words);
    return Philox.unit(words[(int) (i % WORDS)]);
  }
}
