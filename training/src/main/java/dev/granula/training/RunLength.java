package dev.granula.training;

import dev.granula.tensor.GranulaException;

/** How long a run lasts. */
public sealed interface RunLength {
  /** This many optimizer steps, over as many epochs as that takes. */
  record Steps(long count) implements RunLength {
    public Steps {
      requirePositive("steps", count);
    }
  }

  /** This many times each sample. */
  record Epochs(long count) implements RunLength {
    public Epochs {
      requirePositive("epochs", count);
    }
  }

  /** Number of samples that a run sees, repetitions included. */
  default long samples(int datasetSize, int samplesPerStep) {
    return switch (this) {
      case Steps(long count) -> Math.multiplyExact(count, (long) samplesPerStep);
      case Epochs(long count) -> Math.multiplyExact(count, (long) datasetSize);
    };
  }

  /** Number of optimizer steps; the last one of a run by epochs may be smaller. */
  default long steps(int datasetSize, int samplesPerStep) {
    return Math.ceilDiv(samples(datasetSize, samplesPerStep), (long) samplesPerStep);
  }

  private static void requirePositive(String what, long count) {
    if (count < 1) {
      throw new GranulaException("training: %s must be at least 1: %d".formatted(what, count));
    }
  }
}
