package dev.granula.training;

import dev.granula.models.TokenBatch;
import dev.granula.tensor.Device;
import dev.granula.training.data.Sample;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Samples as a model takes them, without padding. */
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

  /**
   * The most tokens that a batch can have. One that reaches from the end of an epoch into the next
   * may hold a sample twice, and once more for each further epoch.
   *
   * @param ofRun samples that the run sees, repetitions included
   */
  static long mostTokens(List<Sample> samples, int batchSize, long ofRun) {
    if (samples.isEmpty()) {
      return 0;
    }
    long count = Math.min(batchSize, ofRun);
    long epochs = Math.ceilDiv(ofRun, (long) samples.size());
    long copies = Math.min(epochs, Math.ceilDiv(count - 1, (long) samples.size()) + 1);
    return samples.stream()
        .map(Sample::length)
        .sorted(Comparator.reverseOrder())
        .flatMap(length -> Stream.generate(() -> length).limit(copies))
        .limit(count)
        .mapToLong(Integer::longValue)
        .sum();
  }
}
