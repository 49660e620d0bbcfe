package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Workers;

/** The threads of a back end and the panels that its products pack into, kept between calls. */
final class MatmulScratch {
  /** Below this many multiply-adds, waking another thread costs more than it brings. */
  private static final long SERIAL_WORK = 1 << 17;

  /** Room for the rows of a block, and for those that fill up its last tile. */
  static final int LHS_SLOT =
      (BlockedProduct.BLOCK_ROWS + MatmulKernel.ROW_MULTIPLE) * MatmulKernel.LHS_STRIDE;

  private final Workers workers;
  private final float[][] lhs;
  private final float[][] tiles;
  private float[] rhs = new float[0];

  MatmulScratch(Workers workers) {
    this.workers = workers;
    lhs = new float[workers.count()][];
    tiles = new float[workers.count()][];
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

  void reserveRhs(int floats) {
    if (rhs.length < floats + AlignedFloats.FIRST) {
      rhs = AlignedFloats.allocate(floats);
    }
  }

  float[] rhs() {
    return rhs;
  }

  float[] lhs(int worker) {
    if (lhs[worker] == null) {
      lhs[worker] = new float[BlockedProduct.MAX_GROUP * LHS_SLOT];
    }
    return lhs[worker];
  }

  float[] tile(int worker) {
    if (tiles[worker] == null) {
      tiles[worker] = new float[AlignedFloats.FIRST + MatmulKernel.TILE_FLOATS];
    }
    return tiles[worker];
  }
}
