package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Workers;

/**
 * How kernels cut their work: into tasks of about {@link #ELEMENTS} elements, from shapes alone, so
 * that results do not depend on the number of threads. What fits one task stays on the caller's
 * thread.
 */
final class Chunks {
  /** Large enough to hide the hand-over to another thread, small enough for the first cache. */
  static final int ELEMENTS = 8192;

  /** A range of rows, or of elements. */
  @FunctionalInterface
  interface Body {
    void run(long from, long to, int worker);
  }

  private Chunks() {}

  /** Runs {@code body} over {@code count} rows of {@code width} elements each. */
  static void run(Workers workers, long count, long width, Body body) {
    long rows = rows(width);
    long tasks = (count + rows - 1) / rows;
    workers.run(
        Math.toIntExact(tasks),
        (task, worker) -> body.run(task * rows, Math.min(count, (task + 1L) * rows), worker));
  }

  /** Rows of {@code width} elements in one task. */
  static long rows(long width) {
    return Math.max(1, ELEMENTS / Math.max(1, width));
  }
}
