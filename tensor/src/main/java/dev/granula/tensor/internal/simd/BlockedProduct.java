package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulKernel.ROW_MULTIPLE;

import dev.granula.tensor.Matrix;
import java.util.Arrays;
import java.util.List;

/**
 * A sum of products in blocks of depth, gone through one after the other. One side is packed by all
 * threads into an array that they share, the other one by each task for itself; the subclasses
 * differ in which, and in how much of it at once.
 *
 * <p>Which thread does what, and where blocks of rows and columns begin, does not show in the
 * result: only {@link DepthBlock#cut} does.
 */
abstract class BlockedProduct {
  final MatmulScratch scratch;
  final List<DepthBlock> blocks;
  final ResultColumns columns;
  final long batch;
  final long m;

  /** Multiply-adds of updates for each element that is packed. */
  final int updateDepth;

  private final boolean add;
  private final TileStore tiles;

  /** The terms must be of one batch, or the result unbatched and all columns in equal blocks. */
  BlockedProduct(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    this.add = add;
    this.scratch = scratch;
    this.blocks = DepthBlock.cut(terms);
    this.tiles = new TileStore(out);
    this.batch = out.batch();
    this.m = out.rows().size();
    this.updateDepth =
        terms.stream().flatMap(t -> t.updates().stream()).mapToInt(LowRankUpdate::run).sum();
    columns = ResultColumns.of(out.cols().size(), columnBlocks(terms, out));
  }

  /** Blocks of columns of a result: where it is no batch, as many as a term has matrices. */
  static long columnBlocks(List<Term> terms, Matrix out) {
    return out.batch() > 1 ? 1 : terms.stream().mapToLong(term -> term.a().batch()).max().orElse(1);
  }

  static void run(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    long depth = terms.stream().mapToLong(Term::depth).sum();
    Rehearsal.TILES.before(out.batch() * out.rows().size() * out.cols().size() * depth);
    choose(terms, out, add, scratch).run();
  }

  private static BlockedProduct choose(
      List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    if (SlicedPanels.pays(terms, out)) {
      return new SlicedPanels(terms, out, add, scratch);
    }
    return SharedPanels.pays(terms, out)
        ? new SharedPanels(terms, out, add, scratch)
        : new OwnPanels(terms, out, add, scratch);
  }

  abstract void run();

  /** Whether each block of columns has a left-hand side of its own in this segment. */
  final boolean hasLhsPerBlock(DepthBlock.Segment segment) {
    return batch == 1 && segment.term().a().batch() > 1;
  }

  final boolean hasRhsPerBlock(DepthBlock.Segment segment) {
    return batch == 1 && segment.term().b().batch() > 1;
  }

  /**
   * Packs a segment of the depth of panels {@code from} to {@code to - 1}, without the updates of
   * its term.
   *
   * @param at where the first panel begins
   * @param panelFloats distance of panels
   */
  final void packRhs(
      DepthBlock.Segment segment,
      long matrix,
      int from,
      int to,
      float[] packed,
      int at,
      int panelFloats) {
    boolean own = hasRhsPerBlock(segment);
    for (int p = from, end; p < to; p = end) {
      int block = columns.block(p);
      end = Math.min(to, (block + 1) * columns.panelsPerBlock());
      long col = own ? columns.inBlock(p) : columns.first(p);
      int first = at + (p - from) * panelFloats;
      PanelStrip strip =
          new PanelStrip(packed, first, panelFloats, segment.at(), col, columns.width(p, end));
      Packing packing = segment.term().rhs(own ? block : matrix);
      packing.copyPanels(segment.from(), segment.depth(), strip);
    }
  }

  /** Updates what {@link #packRhs} has packed. */
  final void updateRhs(
      DepthBlock.Segment segment,
      int from,
      int to,
      float[] packed,
      int at,
      int panelFloats,
      int worker) {
    for (LowRankUpdate update : segment.term().updates()) {
      for (int p = from, end; p < to; p = end) {
        end = Math.min(to, (columns.block(p) + 1) * columns.panelsPerBlock());
        int first = at + (p - from) * panelFloats;
        int cols = columns.width(p, end);
        PanelStrip strip =
            new PanelStrip(packed, first, panelFloats, segment.at(), columns.first(p), cols);
        update.addTo(strip, segment.from(), segment.depth(), scratch, worker);
      }
    }
  }

  /**
   * Takes tiles, which lie one below the other from {@code at} on, to their place in the result.
   *
   * @param block number of the block of depth
   * @param row the first row in the result
   */
  final void store(float[] tile, int at, int block, int panel, long matrix, long row, int rows) {
    int cols = columns.width(panel);
    int stride = MatmulKernel.stride(cols);
    boolean accumulate = add || block > 0;
    long col = columns.first(panel);
    tiles.store(tile, at, stride, matrix, row, rows, col, cols, accumulate);
  }

  /** Fills up the last tiles below {@code count} packed rows with zeros. */
  static void padLhs(int count, int depth, float[] to, int at) {
    for (int r = count; r % ROW_MULTIPLE != 0; r++) {
      Arrays.fill(to, at + r * LHS_STRIDE, at + r * LHS_STRIDE + depth, 0);
    }
  }

  /** Where part {@code i} of {@code parts} nearly equal ones begins, in whole tiles. */
  static long cut(long rows, int i, int parts) {
    long units = Math.ceilDiv(rows, ROW_MULTIPLE);
    return Math.min(rows, units * i / parts * ROW_MULTIPLE);
  }

  static int ceilDiv(long x, long y) {
    return Math.toIntExact(Math.ceilDiv(x, y));
  }
}
