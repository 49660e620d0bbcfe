package dev.granula.training;

import dev.granula.models.TokenBatch;
import dev.granula.tensor.Device;
import dev.granula.training.data.Sample;
import java.util.Arrays;
import java.util.List;

/** Samples as the rectangle that a model takes. */
final class Batches {
  /** Any id will do: causality hides it from what stands before, and no target asks for it. */
  private static final int PAD = 0;

  private Batches() {}

  /** The tokens of {@code samples} [B, T], padded on the right. */
  static TokenBatch of(Device device, List<Sample> samples) {
    int columns = samples.stream().mapToInt(Sample::length).max().orElseThrow();
    int[][] ids = new int[samples.size()][];
    int[][] targets = new int[samples.size()][];
    for (int row = 0; row < ids.length; row++) {
      Sample sample = samples.get(row);
      ids[row] = Arrays.copyOf(sample.tokens(), columns);
      Arrays.fill(ids[row], sample.length(), columns, PAD);
      targets[row] = new int[columns];
      Arrays.fill(targets[row], TokenBatch.IGNORED);
      int first = sample.firstTarget();
      System.arraycopy(sample.tokens(), first, targets[row], first, sample.targetCount());
    }
    return TokenBatch.of(device, ids, targets);
  }
}
