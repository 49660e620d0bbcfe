package dev.granula.training.data;

import java.util.List;

/**
 * A data set as tokens.
 *
 * @param name of its file, for messages
 * @param samples that have a target
 * @param cutCount samples that lost tokens to the maximum length
 * @param skippedCount examples left out because no target remained
 */
public record EncodedDataset(String name, List<Sample> samples, int cutCount, int skippedCount) {
  public EncodedDataset {
    samples = List.copyOf(samples);
  }

  public int size() {
    return samples.size();
  }

  public SampleCounts counts() {
    return new SampleCounts(name, size(), cutCount, skippedCount);
  }

  public long targetCount() {
    return samples.stream().mapToLong(Sample::targetCount).sum();
  }
}
