package dev.granula.training.data;

/**
 * The tokens of one example and which of them are learned.
 *
 * @param line number of its line in the data set
 * @param tokens ids
 * @param firstTarget index of the first token that is a target; all after it are targets too. At
 *     least 1, because nothing comes before the first token that could predict it.
 */
@SuppressWarnings("ArrayRecordComponent") // samples are never compared, and boxing would cost much
public record Sample(int line, int[] tokens, int firstTarget) {
  public int length() {
    return tokens.length;
  }

  public int targetCount() {
    return Math.max(0, tokens.length - firstTarget);
  }
}
