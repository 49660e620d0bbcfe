package dev.granula.models.generation;

/** Hears of each token as soon as it is chosen. */
@FunctionalInterface
public interface TokenListener {
  /**
   * @param prompt number of the prompt that is continued, from 0
   * @param token the new token, stop tokens included
   */
  void onToken(int prompt, int token);
}
