package dev.granula.bench.work;

import dev.granula.bench.Statistics;

/** Times short work. */
final class Clock {
  private static final double NANOS_PER_SECOND = 1e9;

  private Clock() {}

  /** Seconds of one run. */
  static double seconds(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return (System.nanoTime() - start) / NANOS_PER_SECOND;
  }

  /** Median seconds of {@code runs} runs. */
  static double medianSeconds(Runnable work, int runs) {
    double[] seconds = new double[runs];
    for (int i = 0; i < runs; i++) {
      seconds[i] = seconds(work);
    }
    return Statistics.median(seconds);
  }

  /**
   * Seconds per run, the mean over runs that take {@code atLeastSeconds} together, after one that
   * is not counted: the other processor's caches were used by somebody else meanwhile.
   */
  static double meanSeconds(Runnable work, double atLeastSeconds) {
    work.run();
    int runs = 0;
    long start = System.nanoTime();
    double elapsed;
    do {
      work.run();
      runs++;
      elapsed = (System.nanoTime() - start) / NANOS_PER_SECOND;
    } while (elapsed < atLeastSeconds);
    return elapsed / runs;
  }
}
