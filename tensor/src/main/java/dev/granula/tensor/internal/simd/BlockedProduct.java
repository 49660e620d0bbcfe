package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulKernel.ROW_MULTIPLE;
import static dev.granula.tensor.internal.simd.MatmulScratch.SUMS;
import static dev.granula.tensor.internal.simd.MatmulScratch.ZEROS;

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
  final boolean add;
  final TileStore store;

  /** The terms must be of one batch, or the result unbatched and all columns in equal blocks. */
  BlockedProduct(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    this.add = add;
    this.scratch = scratch;
    this.blocks = DepthBlock.cut(terms);
    this.store = new TileStore(out);
    this.batch = out.batch();
    this.m = out.rows().size();
    columns = ResultColumns.of(out.cols().size(), columnBlocks(terms, out));
  }

  /** Blocks of columns of a result: where it is no batch, as many as a term has matrices. */
  static long columnBlocks(List<Term> terms, Matrix out) {
    return out.batch() > 1 ? 1 : terms.stream().mapToLong(term -> term.a().batch()).max().orElse(1);
  }

  static void run(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    choose(terms, out, add, scratch).run();
  }

  private static BlockedProduct choose(
      List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    if (!OwnPanels.pays(terms, out)) {
      return new SharedPanels(terms, out, add, scratch);
    }
    return PanelGroups.pays(terms, out)
        ? new PanelGroups(terms, out, add, scratch)
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

  /** Fills up the last tiles below {@code count} packed rows with zeros. */
  static void padLhs(int count, int depth, float[] to, int at) {
    for (int r = count; r % ROW_MULTIPLE != 0; r++) {
      Arrays.fill(to, at + r * LHS_STRIDE, at + r * LHS_STRIDE + depth, 0);
    }
  }

  /**
   * The tiles of some rows with one right-hand panel.
   *
   * @param block number of the block of depth
   * @param l where the rows are packed in {@code lhs}
   * @param r where the panel is packed in {@code rhs}
   * @param row the first row in the result
   * @param worker whose array takes the tile
   */
  final void strip(
      int block,
      float[] lhs,
      int l,
      float[] rhs,
      int r,
      int panel,
      long matrix,
      long row,
      int rows,
      int worker) {
    float[] tile = scratch.sums(worker, MatmulKernel.TILE_FLOATS);
    int depth = blocks.get(block).depth();
    int cols = columns.width(panel);
    int stride = MatmulKernel.stride(cols);
    int tileRows = MatmulKernel.rows(cols);
    long col = columns.first(panel);
    boolean accumulate = add || block > 0;
    for (int i = 0; i < rows; i += tileRows) {
      MatmulKernel.tile(stride, lhs, l + i * LHS_STRIDE, rhs, r, depth, tile, ZEROS, SUMS);
      int height = Math.min(tileRows, rows - i);
      store.store(tile, SUMS, stride, matrix, row + i, height, col, cols, accumulate);
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
