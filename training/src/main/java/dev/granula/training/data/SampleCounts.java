package dev.granula.training.data;

/**
 * What became of the examples of a data set.
 *
 * @param data name of the data set
 * @param used samples that have a target
 * @param cut samples that lost tokens to the maximum length, skipped ones included
 * @param skipped examples left out because no target remained
 */
public record SampleCounts(String data, int used, int cut, int skipped) {
  /** Number of all examples. */
  public int total() {
    return used + skipped;
  }
}
