package dev.granula.models.generation;

import dev.granula.tensor.GranulaException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How to continue a text. The filters apply in transformers' order: temperature, top-k, top-p.
 *
 * @param maxNewTokens how many tokens are added at most
 * @param temperature divides the scores; 0 always takes the best token
 * @param topK draws from the k best tokens only; 0 for all
 * @param topP draws from the fewest best tokens that have this probability together; 1 for all
 * @param seed the same seed draws the same tokens
 * @param stopTokenIds tokens that end the text; absent for the model's own
 */
public record GenerationOptions(
    int maxNewTokens,
    double temperature,
    int topK,
    double topP,
    long seed,
    Optional<List<Integer>> stopTokenIds) {

  /**
   * @throws GranulaException naming every value that is out of range
   */
  public GenerationOptions {
    stopTokenIds = stopTokenIds.map(List::copyOf);
    List<String> problems = new ArrayList<>();
    if (maxNewTokens < 1) {
      problems.add("max new tokens must be at least 1, found " + maxNewTokens);
    }
    if (!(temperature >= 0) || Double.isInfinite(temperature)) {
      problems.add("the temperature must not be negative, found " + temperature);
    }
    if (topK < 0) {
      problems.add("top-k must not be negative, found " + topK);
    }
    if (!(topP > 0 && topP <= 1)) {
      problems.add("top-p must be above 0 and at most 1, found " + topP);
    }
    if (!problems.isEmpty()) {
      throw new GranulaException("generation options: " + String.join("; ", problems));
    }
  }

  /** The best token each time, until the model's stop token or {@code maxNewTokens}. */
  public static GenerationOptions greedy(int maxNewTokens) {
    return new GenerationOptions(maxNewTokens, 0, 0, 1, 0, Optional.empty());
  }

  /** Draws from all tokens at {@code temperature}. */
  public static GenerationOptions sampling(int maxNewTokens, double temperature, long seed) {
    return new GenerationOptions(maxNewTokens, temperature, 0, 1, seed, Optional.empty());
  }

  public GenerationOptions withTopK(int value) {
    return new GenerationOptions(maxNewTokens, temperature, value, topP, seed, stopTokenIds);
  }

  public GenerationOptions withTopP(double value) {
    return new GenerationOptions(maxNewTokens, temperature, topK, value, seed, stopTokenIds);
  }

  public GenerationOptions withStopTokenIds(List<Integer> value) {
    return new GenerationOptions(maxNewTokens, temperature, topK, topP, seed, Optional.of(value));
  }
}
