package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.COLS;
import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulScratch.SUMS;
import static dev.granula.tensor.internal.simd.MatmulScratch.ZEROS;

import dev.granula.tensor.Matrix;
import java.util.List;

/**
 * For few rows and a right-hand side whose rows lie one behind the other, as in the gradients of
 * adapters. A task takes some panels side by side and goes through them in slices of depth, so that
 * it reads long pieces of rows, which the processor fetches ahead, and what it packs still stays in
 * the second-level cache. Tiles of all of its panels wait in their array from slice to slice, each
 * chain going on where it stopped: the bits are those of {@link OwnPanels}.
 */
final class PanelGroups extends OwnPanels {
  /** Results of a group: 192 KiB. */
  private static final int SUM_FLOATS = 48 << 10;

  /** With more panels slices become so short that visiting the tiles shows. */
  private static final int MAX_PANELS = 12;

  private final int panelSums;
  private int groups;

  PanelGroups(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    super(terms, out, add, scratch);
    panelSums = LhsLayout.paddedRows(rows) * COLS;
  }

  /** Where {@link OwnPanels} pays: true if it would read one panel of several in short pieces. */
  static boolean pays(List<Term> terms, Matrix out) {
    return columnBlocks(terms, out) == 1
        && out.cols().size() > COLS
        && terms.stream().noneMatch(Term::rhsIsTransposed);
  }

  @Override
  void multiplyChunk(long work) {
    int widest = Math.clamp(SUM_FLOATS / panelSums, 1, MAX_PANELS);
    // So many for each matrix that all threads have equal shares.
    int even = scratch.threads() / greatestCommonDivisor(scratch.threads(), matrices);
    int enough = ceilDiv(columns.panels(), widest);
    groups = Math.min(columns.panels(), ceilDiv(enough, even) * even);
    scratch.run(matrices * groups, work, this::multiplyGroup);
  }

  private static int greatestCommonDivisor(int x, int y) {
    return y == 0 ? x : greatestCommonDivisor(y, x % y);
  }

  /**
   * Panels {@code from} to {@code to - 1}.
   *
   * @param at where they are packed
   */
  private record Group(int from, int to, int at, float[] sums) {
    int panels() {
      return to - from;
    }
  }

  private void multiplyGroup(int task, int worker) {
    int matrix = task / groups;
    int number = task % groups;
    int from = (int) ((long) columns.panels() * number / groups);
    int to = (int) ((long) columns.panels() * (number + 1) / groups);
    float[] sums = scratch.sums(worker, (to - from) * panelSums);
    Group group = new Group(from, to, scratch.ownAt(worker), sums);
    for (int b = firstBlock; b < endBlock; b++) {
      multiplyBlock(matrix, b, group);
      store(matrix, b, group);
    }
  }

  private void multiplyBlock(int matrix, int b, Group group) {
    int deepest = MatmulKernel.MAX_DEPTH / group.panels();
    for (DepthBlock.Segment segment : blocks.get(b).segments()) {
      Packing source = segment.term().rhs(firstMatrix + matrix);
      int l = layout.at(b, matrix) + segment.at();
      int slices = ceilDiv(segment.depth(), deepest);
      for (int i = 0; i < slices; i++) {
        int d = segment.depth() * i / slices;
        int depth = segment.depth() * (i + 1) / slices - d;
        pack(source, segment.from() + d, depth, group);
        multiplySlice(l + d, depth, segment.at() + d == 0, group);
      }
    }
  }

  private void pack(Packing source, long row, int depth, Group group) {
    int whole = source.readsWholeRows() ? group.panels() : 0;
    if (columns.width(group.to - 1) < COLS) {
      whole = Math.min(whole, group.panels() - 1);
    }
    float[] to = scratch.own();
    source.copyPanels(row, depth, columns.first(group.from), whole, to, group.at, depth * COLS);
    for (int p = whole; p < group.panels(); p++) {
      int cols = columns.width(group.from + p);
      int at = group.at + p * depth * COLS;
      source.copy(
          row, depth, columns.first(group.from + p), cols, to, at, MatmulKernel.stride(cols));
    }
  }

  /** Left-hand rows begin at {@code l}; the first slice of a block starts from zeros. */
  private void multiplySlice(int l, int depth, boolean first, Group group) {
    for (int p = 0; p < group.panels(); p++) {
      int cols = columns.width(group.from + p);
      int stride = MatmulKernel.stride(cols);
      int r = group.at + p * depth * COLS;
      for (int i = 0; i < rows; i += MatmulKernel.rows(cols)) {
        int lhs = l + i * LHS_STRIDE;
        int at = SUMS + p * panelSums + i * stride;
        int from = first ? ZEROS : at;
        MatmulKernel.tile(
            stride, scratch.shared(), lhs, scratch.own(), r, depth, group.sums, from, at);
      }
    }
  }

  private void store(int matrix, int b, Group group) {
    for (int p = 0; p < group.panels(); p++) {
      int cols = columns.width(group.from + p);
      long col = columns.first(group.from + p);
      int at = SUMS + p * panelSums;
      int stride = MatmulKernel.stride(cols);
      boolean accumulate = add || b > 0;
      store.store(group.sums, at, stride, firstMatrix + matrix, 0, rows, col, cols, accumulate);
    }
  }
}
