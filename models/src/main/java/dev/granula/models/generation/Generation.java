package dev.granula.models.generation;

import java.util.List;

/**
 * What followed a prompt.
 *
 * @param tokens the new tokens; a stop token that ended them is the last one
 * @param stopped whether a stop token ended them, rather than their number
 */
public record Generation(List<Integer> tokens, boolean stopped) {
  public Generation {
    tokens = List.copyOf(tokens);
  }

  /** The new tokens as a decoder takes them. */
  public int[] tokenArray() {
    return tokens.stream().mapToInt(Integer::intValue).toArray();
  }
}
