package dev.granula.training.data;

import dev.granula.tensor.Philox;
import java.util.ArrayList;
import java.util.List;

/**
 * The order in which a run sees its samples: epoch after epoch, each a new permutation. The order
 * of an epoch depends on the seed, the number of the epoch and the number of samples alone.
 */
public final class SampleOrder {
  private final List<Sample> samples;
  private final long seed;
  private final long limit;
  private long position;
  private int[] permutation = {};
  private long permutationEpoch = -1;

  /**
   * @param limit number of samples that the run sees, repetitions included
   */
  public SampleOrder(List<Sample> samples, long seed, long limit) {
    this.samples = List.copyOf(samples);
    this.seed = seed;
    this.limit = limit;
  }

  /** The next {@code count} samples, fewer at the end of the run. */
  public List<Sample> next(int count) {
    List<Sample> result = new ArrayList<>(count);
    while (result.size() < count && position < limit) {
      long epoch = position / samples.size();
      if (epoch != permutationEpoch) {
        permutation = permutation(samples.size(), seed, epoch);
        permutationEpoch = epoch;
      }
      result.add(samples.get(permutation[(int) (position % samples.size())]));
      position++;
    }
    return result;
  }

  /** Samples handed out so far over the samples of one epoch. */
  public double epoch() {
    return (double) position / samples.size();
  }

  /** Fisher-Yates from the last place down, with one counter-based 64-bit number for each place. */
  static int[] permutation(int count, long seed, long epoch) {
    int[] order = new int[count];
    for (int i = 0; i < count; i++) {
      order[i] = i;
    }
    int[] words = new int[4];
    for (int i = count - 1; i > 0; i--) {
      Philox.block(seed, (epoch << Integer.SIZE) | i, words);
      long random = ((words[0] & 0xffffffffL) << 32) | (words[1] & 0xffffffffL);
      int j = (int) Long.remainderUnsigned(random, i + 1);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }
}
