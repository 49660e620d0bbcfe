package dev.granula.models.generation;

import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Philox;
import java.util.Arrays;

/** Chooses a token from the scores of all. */
final class Sampler {
  private final GenerationOptions options;
  private final int[] words = new int[4];

  Sampler(GenerationOptions options) {
    this.options = options;
  }

  /**
   * A token for {@code scores}, one per token.
   *
   * @param prompt and {@code step} decide the random number, so that a text does not depend on what
   *     is generated beside it
   */
  int pick(float[] scores, int prompt, int step) {
    int best = best(scores);
    if (options.temperature() == 0) {
      return best;
    }
    Philox.block(options.seed(), ((long) prompt << Integer.SIZE) + step, words);
    double uniform = Philox.unit(words[0]);
    double[] weights = new double[scores.length];
    for (int i = 0; i < scores.length; i++) {
      weights[i] = Math.exp((scores[i] - scores[best]) / options.temperature());
    }
    if (options.topK() == 0 && options.topP() == 1) {
      return draw(weights, uniform);
    }
    int[] candidates = candidates(scores, weights);
    return candidates[draw(weightsOf(candidates, weights), uniform)];
  }

  private static int best(float[] scores) {
    int best = 0;
    for (int i = 0; i < scores.length; i++) {
      if (Float.isNaN(scores[i])) {
        throw new GranulaException(
            "generate: the model's score of token %d is not a number".formatted(i));
      }
      best = scores[i] > scores[best] ? i : best;
    }
    return best;
  }

  /** The tokens that top-k and top-p leave, best first. */
  private int[] candidates(float[] scores, double[] weights) {
    int[] order = descending(scores);
    int count = options.topK() == 0 ? order.length : Math.min(options.topK(), order.length);
    double total = 0;
    for (int i = 0; i < count; i++) {
      total += weights[order[i]];
    }
    double kept = 0;
    int end = 0;
    while (end < count && (end == 0 || kept < options.topP() * total)) {
      kept += weights[order[end++]];
    }
    return Arrays.copyOf(order, end);
  }

  /** Token ids by score, the smaller id first where two are equal. */
  private static int[] descending(float[] scores) {
    long[] keys = new long[scores.length];
    for (int i = 0; i < keys.length; i++) {
      int bits = Float.floatToIntBits(scores[i]);
      // As integers, negative floats ascend the wrong way round.
      int ascending = bits >= 0 ? bits : bits ^ Integer.MAX_VALUE;
      keys[i] = ((long) ~ascending << Integer.SIZE) | i;
    }
    Arrays.sort(keys);
    return Arrays.stream(keys).mapToInt(key -> (int) key).toArray();
  }

  private static double[] weightsOf(int[] candidates, double[] weights) {
    return Arrays.stream(candidates).mapToDouble(token -> weights[token]).toArray();
  }

  /** The place at which the weights up to it reach {@code uniform} of their sum. */
  private static int draw(double[] weights, double uniform) {
    double left = uniform * Arrays.stream(weights).sum();
    int last = 0;
    for (int i = 0; i < weights.length; i++) {
      if (weights[i] > 0) {
        last = i;
        left -= weights[i];
        if (left < 0) {
          return i;
        }
      }
    }
    return last;
  }
}
