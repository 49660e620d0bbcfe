package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Workers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The threads of a back end and the panels that its products pack into, kept between calls. */
final class MatmulScratch {
  /** Below this many multiply-adds, waking another thread costs more than it brings. */
  private static final long SERIAL_WORK = 1 << 17;

  private static final int LHS_FLOATS = 128 * MatmulKernel.LHS_STRIDE;

  private final Workers workers;
  private final float[][] lhs;
  private final MemorySegment[] tiles;
  private float[] rhs = new float[0];

  MatmulScratch(Workers workers) {
    this.workers = workers;
    lhs = new float[workers.count()][];
    tiles = new MemorySegment[workers.count()];
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
    if (rhs.length < floats) {
      rhs = new float[floats];
    }
  }

  float[] rhs() {
    return rhs;
  }

  float[] lhs(int worker) {
    if (lhs[worker] == null) {
      lhs[worker] = new float[LHS_FLOATS];
    }
    return lhs[worker];
  }

  MemorySegment tile(int worker) {
    if (tiles[worker] == null) {
      long bytes = 4L * MatmulKernel.ROWS * MatmulKernel.COLS;
      tiles[worker] = Arena.ofAuto().allocate(bytes, 64);
    }
    return tiles[worker];
  }
}
