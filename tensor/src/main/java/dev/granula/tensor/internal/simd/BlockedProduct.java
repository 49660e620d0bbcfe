package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.DEPTH;
import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulKernel.ROW_MULTIPLE;

import dev.granula.tensor.Matrix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A sum of products in blocks. The depths of all terms, cut into {@link Term.Segment segments}, are
 * gone through one after the other. The segments of the terms behind the first one join the segment
 * before them: their tiles meet while they are in the first level of cache, and the result is
 * visited once for all of them. One side is packed by all threads into an array that they share,
 * the other one by each task for itself; the two subclasses differ in which.
 *
 * <p>Which thread does what, and where blocks begin, does not show in the result: only {@link
 * MatmulKernel#DEPTH} and the order of the terms do.
 */
abstract class BlockedProduct {
  /** Segments that may join one another. */
  static final int MAX_GROUP = 3;

  final MatmulScratch scratch;
  final List<Term.Segment> segments;
  final ResultColumns columns;
  final long batch;
  final long m;
  private final boolean add;
  private final TileStore store;

  /** The terms must be of one batch, or the result unbatched and all columns in equal blocks. */
  BlockedProduct(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    this.add = add;
    this.scratch = scratch;
    this.segments = segments(terms);
    this.store = new TileStore(out);
    this.batch = out.batch();
    this.m = out.rows().size();
    long blocks = 1;
    if (batch == 1) {
      blocks = terms.stream().mapToLong(term -> term.a().batch()).max().orElse(1);
    }
    columns = ResultColumns.of(out.cols().size(), blocks);
  }

  static void run(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    BlockedProduct product =
        OwnPanels.pays(terms, out)
            ? new OwnPanels(terms, out, add, scratch)
            : new SharedPanels(terms, out, add, scratch);
    product.run();
  }

  private static List<Term.Segment> segments(List<Term> terms) {
    List<Term.Segment> segments = new ArrayList<>();
    for (Term term : terms) {
      int parts = ceilDiv(term.depth(), DEPTH);
      for (int i = 0; i < parts; i++) {
        long from = term.depth() * i / parts;
        int depth = (int) (term.depth() * (i + 1) / parts - from);
        segments.add(new Term.Segment(term, term == terms.getFirst(), from, depth));
      }
    }
    return segments;
  }

  abstract void run();

  /** Where the group of segments that begins at {@code s} ends. */
  final int groupEnd(int s) {
    int end = s + 1;
    while (end < segments.size() && end - s < MAX_GROUP && !segments.get(end).first()) {
      end++;
    }
    return end;
  }

  /** Whether each block of columns has a left-hand side of its own in this segment. */
  final boolean hasLhsPerBlock(int s) {
    return batch == 1 && segments.get(s).term().a().batch() > 1;
  }

  final boolean hasRhsPerBlock(int s) {
    return batch == 1 && segments.get(s).term().b().batch() > 1;
  }

  /**
   * Packs {@code count} rows of a segment's left-hand side; if they are the last ones, rows that
   * only fill up the last tiles become zero.
   */
  final void packLhs(long matrix, int s, long row, int count, boolean last, float[] to, int at) {
    Term.Segment segment = segments.get(s);
    int depth = segment.depth();
    segment.term().lhs(matrix).copy(row, count, segment.from(), depth, to, at, LHS_STRIDE);
    for (int r = count; last && r % ROW_MULTIPLE != 0; r++) {
      Arrays.fill(to, at + r * LHS_STRIDE, at + r * LHS_STRIDE + depth, 0);
    }
  }

  /**
   * The tiles of some rows with one right-hand panel, for the group of segments from {@code s} on.
   *
   * @param lhsAt where the rows of each segment are packed in {@code lhs}
   * @param rhsAt where the panel of each segment is packed in {@code rhs}
   * @param row the first row in the result
   */
  final void strip(
      int s,
      float[] lhs,
      int[] lhsAt,
      float[] rhs,
      int[] rhsAt,
      int panel,
      long matrix,
      long row,
      int rows,
      float[] tiles) {
    int cols = columns.width(panel);
    int stride = MatmulKernel.stride(cols);
    int tileRows = MatmulKernel.rows(cols);
    int count = groupEnd(s) - s;
    int[] depths = new int[count];
    float[] scales = new float[count];
    for (int g = 0; g < count; g++) {
      depths[g] = segments.get(s + g).depth();
      scales[g] = segments.get(s + g).term().scale();
    }
    long col = columns.first(panel);
    boolean accumulate = add || s > 0;
    for (int r = 0; r < rows; r += tileRows) {
      for (int g = 0; g < count; g++) {
        int l = lhsAt[g] + r * LHS_STRIDE;
        int at = TileStore.at(g);
        MatmulKernel.tile(stride, lhs, l, rhs, rhsAt[g], depths[g], tiles, at);
      }
      int height = Math.min(tileRows, rows - r);
      store.store(tiles, scales, stride, matrix, row + r, height, col, cols, accumulate);
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
