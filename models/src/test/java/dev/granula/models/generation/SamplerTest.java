package dev.granula.models.generation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.GranulaException;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class SamplerTest {
  private static final int DRAWS = 20_000;
  private static final long SEED = 5;

  /** Probabilities 0.1, 0.4, 0.2, 0.3 at temperature 1. */
  private static final float[] SCORES = {
    (float) Math.log(0.1), (float) Math.log(0.4), (float) Math.log(0.2), (float) Math.log(0.3)
  };

  @Test
  void greedyTakesTheFirstOfTheBest() {
    Sampler sampler = new Sampler(GenerationOptions.greedy(1));
    assertEquals(1, sampler.pick(SCORES, 0, 0));
    assertEquals(1, sampler.pick(new float[] {-3, -1, -2, -1}, 0, 0));
  }

  @Test
  void drawsFollowTheProbabilities() {
    assertFrequencies(GenerationOptions.sampling(1, 1, SEED), 0.1, 0.4, 0.2, 0.3);
  }

  @Test
  void temperatureSharpens() {
    // Squares of the probabilities, normalised: 1, 16, 4, 9 of 30.
    assertFrequencies(
        GenerationOptions.sampling(1, 0.5, SEED), 1 / 30.0, 16 / 30.0, 4 / 30.0, 9 / 30.0);
  }

  @Test
  void topKKeepsTheBest() {
    assertFrequencies(GenerationOptions.sampling(1, 1, SEED).withTopK(2), 0, 4 / 7.0, 0, 3 / 7.0);
  }

  @Test
  void topPKeepsTheFewestThatReachIt() {
    assertFrequencies(
        GenerationOptions.sampling(1, 1, SEED).withTopP(0.75), 0, 4 / 9.0, 2 / 9.0, 3 / 9.0);
    assertFrequencies(GenerationOptions.sampling(1, 1, SEED).withTopP(0.01), 0, 1, 0, 0);
    // Top-p counts among what top-k left: 4/7 alone is enough for one half.
    assertFrequencies(GenerationOptions.sampling(1, 1, SEED).withTopK(2).withTopP(0.5), 0, 1, 0, 0);
  }

  @Test
  void theSeedDecides() {
    Sampler one = new Sampler(GenerationOptions.sampling(1, 1, SEED));
    Sampler same = new Sampler(GenerationOptions.sampling(1, 1, SEED));
    Sampler other = new Sampler(GenerationOptions.sampling(1, 1, SEED + 1));
    int different = 0;
    for (int step = 0; step < 100; step++) {
      int token = one.pick(SCORES, 3, step);
      assertEquals(token, same.pick(SCORES, 3, step));
      different += token == other.pick(SCORES, 3, step) ? 0 : 1;
    }
    assertTrue(different > 20, "differences: " + different);
  }

  @Test
  void refusesWhatMakesNoSense() {
    assertThrows(
        GranulaException.class,
        () -> new Sampler(GenerationOptions.greedy(1)).pick(new float[] {1, Float.NaN}, 0, 0));
    GranulaException e =
        assertThrows(
            GranulaException.class, () -> new GenerationOptions(0, -1, -1, 0, 0, Optional.empty()));
    for (String value : new String[] {"max new tokens", "temperature", "top-k", "top-p"}) {
      assertTrue(e.getMessage().contains(value), e.getMessage());
    }
  }

  /** Four standard deviations of a frequency at most. */
  private static void assertFrequencies(GenerationOptions options, double... expected) {
    Sampler sampler = new Sampler(options);
    int[] counts = new int[expected.length];
    for (int step = 0; step < DRAWS; step++) {
      counts[sampler.pick(SCORES, 0, step)]++;
    }
    for (int i = 0; i < expected.length; i++) {
      double deviation = Math.sqrt(expected[i] * (1 - expected[i]) / DRAWS);
      assertEquals(expected[i], counts[i] / (double) DRAWS, 4 * deviation, "token " + i);
    }
  }
}
