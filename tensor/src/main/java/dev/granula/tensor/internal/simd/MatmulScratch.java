package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Workers;

/**
 * The threads of a back end and the arrays of its products, for panels and tiles, kept between
 * calls.
 */
final class MatmulScratch {
  /** Below this many multiply-adds, waking another thread costs more than it brings. */
  private static final long SERIAL_WORK = 1 << 17;

  /** What a task packs for itself: left-hand rows or right-hand panels. */
  private static final int OWN_FLOATS = Math.max(SharedPanels.LHS_SLOT, OwnPanels.GROUP_FLOATS);

  /** In {@link #sums}, a tile that nobody writes. */
  static final int ZEROS = AlignedFloats.FIRST;

  /** Where {@link #sums} of a worker begin: behind a tile of zeros for chains to start from. */
  static final int SUMS = ZEROS + MatmulKernel.TILE_FLOATS;

  private final Workers workers;
  private final float[] own;
  private final float[][] sums;
  private final float[][] updates;
  private float[] shared = new float[0];

  MatmulScratch(Workers workers) {
    this.workers = workers;
    own = AlignedFloats.allocate(workers.count() * OWN_FLOATS);
    sums = new float[workers.count()][];
    updates = new float[workers.count()][];
  }

  int threads() {
    return workers.count();
  }

  /** Runs the tasks on all threads, or on this one if there is little to do. */
  void run(int tasks, long work, Workers.Task task) {
    if (work >= SERIAL_WORK) {
      workers.run(tasks, task);
    } else {
      for (int i = 0; i < tasks; i++) {
        task.run(i, 0);
      }
    }
  }

  /** Makes room for what all tasks read. */
  void reserveShared(int floats) {
    if (shared.length < floats + AlignedFloats.FIRST) {
      shared = AlignedFloats.allocate(floats);
    }
  }

  float[] shared() {
    return shared;
  }

  /** One array with a part for each worker. */
  float[] own() {
    return own;
  }

  /** Where the part of a worker begins. */
  int ownAt(int worker) {
    return AlignedFloats.FIRST + worker * OWN_FLOATS;
  }

  /** For the factors of a worker's {@link LowRankUpdate}, {@code floats} in all. */
  float[] updates(int worker, int floats) {
    if (updates[worker] == null || updates[worker].length < floats) {
      updates[worker] = new float[floats];
    }
    return updates[worker];
  }

  /** For {@code floats} results of a worker, from {@link #SUMS} on. */
  float[] sums(int worker, int floats) {
    if (sums[worker] == null || sums[worker].length < SUMS + floats) {
      sums[worker] = new float[SUMS + floats];
    }
    return sums[worker];
  }
}
