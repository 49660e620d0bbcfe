package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.COLS;
import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulScratch.SUMS;
import static dev.granula.tensor.internal.simd.MatmulScratch.ZEROS;

import dev.granula.tensor.Matrix;
import java.util.List;

/**
 * For few rows and a right-hand side whose rows lie one behind the other, as in the gradients of
 * adapters. A task takes more panels side by side than its second-level cache would hold and goes
 * through them in slices of depth, so that it reads long pieces of rows, which the processor
 * fetches ahead. Tiles of all of its panels wait in their array from slice to slice, each chain
 * going on where it stopped: the bits are those of {@link OwnPanels}.
 */
final class SlicedPanels extends SharedRows {
  /** Results of a group: 192 KiB. */
  private static final int SUM_FLOATS = 48 << 10;

  /** With more panels slices become so short that visiting the tiles shows. */
  private static final int MAX_PANELS = 12;

  /** With more rows, visiting the tiles costs more than long pieces bring. */
  private static final int MAX_ROWS = 128;

  private int panelSums;
  private int groups;

  SlicedPanels(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    super(terms, out, add, scratch);
  }

  static boolean pays(List<Term> terms, Matrix out) {
    return out.rows().size() <= MAX_ROWS
        && out.cols().size() > COLS
        && columnBlocks(terms, out) == 1
        && terms.stream().noneMatch(Term::rhsIsTransposed)
        && terms.stream().allMatch(term -> term.updates().isEmpty());
  }

  @Override
  void multiplyChunk(long work) {
    panelSums = LhsLayout.paddedRows(rows) * COLS;
    groups = groups(Math.clamp(SUM_FLOATS / panelSums, 1, MAX_PANELS));
    scratch.run(matrices * groups, work, this::multiply);
  }

  private void multiply(int task, int worker) {
    int matrix = task / groups;
    Group group = group(task % groups, groups, worker);
    float[] sums = scratch.sums(worker, group.panels() * panelSums);
    for (int b = firstBlock; b < endBlock; b++) {
      multiplyBlock(matrix, b, group, sums);
      store(matrix, b, group, sums);
    }
  }

  private void multiplyBlock(int matrix, int b, Group group, float[] sums) {
    int deepest = MatmulKernel.MAX_DEPTH / group.panels();
    for (DepthBlock.Segment segment : blocks.get(b).segments()) {
      int l = lhsAt(b, 0, matrix, 0) + segment.at();
      int slices = ceilDiv(segment.depth(), deepest);
      for (int i = 0; i < slices; i++) {
        int d = segment.depth() * i / slices;
        int depth = segment.depth() * (i + 1) / slices - d;
        packRhs(
            segment.part(d, depth, 0),
            firstMatrix + matrix,
            group.from(),
            group.to(),
            scratch.own(),
            group.at(),
            depth * COLS);
        multiplySlice(l + d, depth, segment.at() + d == 0, group, sums);
      }
    }
  }

  /** Left-hand rows begin at {@code l}; the first slice of a block starts from zeros. */
  private void multiplySlice(int l, int depth, boolean first, Group group, float[] sums) {
    for (int p = 0; p < group.panels(); p++) {
      int cols = columns.width(group.from() + p);
      int stride = MatmulKernel.stride(cols);
      int r = group.at() + p * depth * COLS;
      for (int i = 0; i < rows; i += MatmulKernel.rows(cols)) {
        int lhs = l + i * LHS_STRIDE;
        int at = SUMS + p * panelSums + i * stride;
        int from = first ? ZEROS : at;
        MatmulKernel.tile(stride, scratch.shared(), lhs, scratch.own(), r, depth, sums, from, at);
      }
    }
  }

  private void store(int matrix, int b, Group group, float[] sums) {
    for (int p = 0; p < group.panels(); p++) {
      int at = SUMS + p * panelSums;
      store(sums, at, b, group.from() + p, firstMatrix + matrix, firstRow, rows);
    }
  }
}
