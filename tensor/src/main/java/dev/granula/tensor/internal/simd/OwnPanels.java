package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.COLS;
import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulKernel.MAX_DEPTH;
import static dev.granula.tensor.internal.simd.MatmulKernel.ROW_MULTIPLE;
import static dev.granula.tensor.internal.simd.MatmulScratch.SUMS;
import static dev.granula.tensor.internal.simd.MatmulScratch.ZEROS;

import dev.granula.tensor.Matrix;
import java.util.List;

/**
 * Each task keeps a group of right-hand panels in its second-level cache and streams the rows past
 * it: some rows at a time meet all panels of the group, so that they come from the last level of
 * cache once a group, and a result is written in long pieces.
 */
final class OwnPanels extends SharedRows {
  /** Packed floats of a group, 576 KiB with 512 bits: two panels of the largest depth. */
  static final int GROUP_FLOATS = 2 * MAX_DEPTH * COLS;

  /** For fewer rows than these, a task does not pack a group that another one has, too. */
  private static final int MIN_TASK_ROWS = 96;

  /** With so few rows, panels of columns that lie one behind the other are better taken singly. */
  private static final int FEW_ROWS = 512;

  private final boolean singly;

  private int groups;
  private int rowParts;

  OwnPanels(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    super(terms, out, add, scratch);
    singly = m <= FEW_ROWS && terms.getFirst().rhsIsTransposed();
  }

  @Override
  void multiplyChunk(long work) {
    int deepest = DepthBlock.deepest(blocks.subList(firstBlock, endBlock));
    groups = groups(singly ? 1 : GROUP_FLOATS / (deepest * COLS));
    int tasks = matrices * groups;
    // Equal shares need no smaller tasks, which would pack the same group again.
    int wanted = tasks % scratch.threads() == 0 ? 1 : ceilDiv(4L * scratch.threads(), tasks);
    rowParts = Math.clamp(wanted, 1, Math.max(1, rows / MIN_TASK_ROWS));
    scratch.run(tasks * rowParts, work, this::multiply);
  }

  private void multiply(int task, int worker) {
    int rowPart = task % rowParts;
    Group group = group(task / rowParts % groups, groups, worker);
    int matrix = task / rowParts / groups;
    int from = (int) cut(rows, rowPart, rowParts);
    int to = (int) cut(rows, rowPart + 1, rowParts);
    for (int b = firstBlock; b < endBlock; b++) {
      int panelFloats = blocks.get(b).depth() * COLS;
      for (DepthBlock.Segment segment : blocks.get(b).segments()) {
        packRhs(
            segment,
            firstMatrix + matrix,
            group.from(),
            group.to(),
            scratch.own(),
            group.at(),
            panelFloats);
        updateRhs(
            segment, group.from(), group.to(), scratch.own(), group.at(), panelFloats, worker);
      }
      for (int i = from; i < to; i += ROW_MULTIPLE) {
        for (int p = group.from(); p < group.to(); p++) {
          int at = group.at() + (p - group.from()) * panelFloats;
          tiles(b, matrix, i, Math.min(to - i, ROW_MULTIPLE), p, at, worker);
        }
      }
    }
  }

  /** The tiles of up to {@link MatmulKernel#ROW_MULTIPLE} rows with a panel packed at {@code r}. */
  private void tiles(int b, int matrix, int row, int count, int panel, int r, int worker) {
    float[] tile = scratch.sums(worker, MatmulKernel.TILE_FLOATS);
    int cols = columns.width(panel);
    int stride = MatmulKernel.stride(cols);
    int tileRows = MatmulKernel.rows(cols);
    List<Run> runs = runs(b);
    for (int i = 0; i < count; i += tileRows) {
      for (int n = 0; n < runs.size(); n++) {
        Run run = runs.get(n);
        int l = lhsAt(b, n, matrix, panel) + (row + i) * LHS_STRIDE;
        int from = n == 0 ? ZEROS : SUMS;
        MatmulKernel.tile(
            stride,
            scratch.shared(),
            l,
            scratch.own(),
            r + run.at() * stride,
            run.depth(),
            tile,
            from,
            SUMS);
      }
      int height = Math.min(tileRows, count - i);
      store(tile, SUMS, b, panel, firstMatrix + matrix, firstRow + row + i, height);
    }
  }
}
