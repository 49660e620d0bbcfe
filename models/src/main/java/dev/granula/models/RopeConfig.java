package dev.granula.models;

import java.util.List;

/** How the rotary position embedding gets its frequencies. */
public sealed interface RopeConfig {
  /** The base of the geometric sequence of wave lengths. */
  double theta();

  /** Angle per position of pair {@code pair} of {@code pairs}. */
  double frequency(int pair, int pairs);

  /** Notes what is wrong with the values. */
  void check(List<String> problems);

  /** {@code theta^(-i / n)} (Su et al. 2021). */
  record Plain(double theta) implements RopeConfig {
    @Override
    public double frequency(int pair, int pairs) {
      return Math.pow(theta, -(double) pair / pairs);
    }

    @Override
    public void check(List<String> problems) {
      if (!(theta > 0)) {
        problems.add("rope_theta: must be positive, found " + theta);
      }
    }
  }

  /**
   * Llama 3.1's stretching to longer contexts: frequencies that turn less than {@code lowFactor}
   * times in the original context are divided by {@code factor}, those that turn more than {@code
   * highFactor} times stay, those between are blended.
   *
   * @param originalContext {@code original_max_position_embeddings}
   */
  record Llama3(
      double theta, double factor, double lowFactor, double highFactor, int originalContext)
      implements RopeConfig {
    @Override
    public double frequency(int pair, int pairs) {
      double plain = new Plain(theta).frequency(pair, pairs);
      double turns = originalContext * plain / (2 * Math.PI);
      double kept = Math.clamp((turns - lowFactor) / (highFactor - lowFactor), 0, 1);
      return kept * plain + (1 - kept) * plain / factor;
    }

    @Override
    public void check(List<String> problems) {
      new Plain(theta).check(problems);
      if (!(factor >= 1)) {
        problems.add("rope factor: must be at least 1, found " + factor);
      }
      if (!(lowFactor > 0 && highFactor > lowFactor)) {
        problems.add(
            "rope low_freq_factor, high_freq_factor: must be positive and ascend, found %s and %s"
                .formatted(lowFactor, highFactor));
      }
      if (originalContext < 1) {
        problems.add(
            "rope original_max_position_embeddings: must be at least 1, found " + originalContext);
      }
    }
  }
}
