package dev.granula.training;

import dev.granula.models.TokenBatch;
import dev.granula.tensor.Device;
import dev.granula.training.data.Sample;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** Samples as a model takes them: one behind the other, so that no time goes into padding. */
final class Batches {
  private Batches() {}

  static TokenBatch of(Device device, List<Sample> samples) {
    int[][] ids = samples.stream().map(Sample::tokens).toArray(int[][]::new);
    int[][] labels = samples.stream().map(Batches::labels).toArray(int[][]::new);
    return TokenBatch.packed(device, ids, labels);
  }

  private static int[] labels(Sample sample) {
    int[] labels = sample.tokens().clone();
    Arrays.fill(labels, 0, sample.firstTarget(), TokenBatch.IGNORED);
    return labels;
  }

  /** The most tokens that {@code batchSize} of the samples can have. */
  static long mostTokens(List<Sample> samples, int batchSize) {
    return samples.stream()
        .map(Sample::length)
        .sorted(Comparator.reverseOrder())
        .limit(batchSize)
        .mapToLong(Integer::longValue)
        .sum();
  }
}
