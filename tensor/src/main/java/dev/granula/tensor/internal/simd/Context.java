package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Workers;

/** What the kernels of one back end share. */
record Context(Workers workers, Loops loops, Scratch scratch) {
  Context(Workers workers) {
    this(workers, new Loops(), new Scratch(workers.count()));
  }

  /** Runs {@code body} over {@code count} rows of {@code width} elements; see {@link Chunks}. */
  void forRows(long count, long width, Chunks.Body body) {
    Chunks.run(workers, count, width, body);
  }
}
