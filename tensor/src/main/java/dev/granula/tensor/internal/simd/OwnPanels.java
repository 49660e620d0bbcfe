package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.COLS;
import static dev.granula.tensor.internal.simd.MatmulKernel.DEPTH;
import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;

import dev.granula.tensor.Matrix;
import java.util.List;

/**
 * For few rows. All threads pack a chunk of the left-hand sides (some rows, segments and matrices
 * of the batch) into the shared array. Then each task packs a panel of right-hand columns for
 * itself, which stays in its second-level cache, and forms the tiles of all rows of the chunk with
 * it: the right-hand side, by far the larger one, is read once and never goes through the last
 * level of cache packed.
 */
final class OwnPanels extends BlockedProduct {
  /** With more rows, streaming them past each panel costs more than sharing packed panels. */
  private static final int MAX_ROWS = 512;

  /** The same where a panel's columns do not lie one behind the other. */
  private static final int MAX_ROWS_IN_PIECES = 128;

  /** Packed left-hand floats of a chunk: 8 MiB. */
  private static final int CHUNK_FLOATS = 2 << 20;

  /** For fewer rows than these, a task does not pack a panel that another one has, too. */
  private static final int MIN_TASK_ROWS = 96;

  /** Left-hand rows that a task packs: whole tiles, and whole vectors if they are transposed. */
  private static final int PACK_ROWS = 48;

  private final LhsLayout layout;
  private final int rows;

  // The chunk at hand.
  private int firstSegment;
  private int endSegment;
  private long firstMatrix;
  private int matrices;
  private int packParts;
  private int rowParts;

  OwnPanels(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    super(terms, out, add, scratch);
    rows = (int) m;
    layout = new LhsLayout(segments.size(), rows);
  }

  /**
   * True for few rows. Fewer yet where a panel is read as pieces of rows, of 256 bytes each: that
   * is too short for the processor to fetch ahead, and all panels together are read in whole rows.
   */
  static boolean pays(List<Term> terms, Matrix out) {
    boolean inPieces = !terms.getFirst().rhsIsTransposed();
    if (out.rows().size() > (inPieces ? MAX_ROWS_IN_PIECES : MAX_ROWS)) {
      return false;
    }
    long width = 0;
    for (Term term : terms) {
      if (out.batch() == 1 && term.a().batch() > 1) {
        width += term.a().batch() * LhsLayout.width((int) Math.min(term.depth(), DEPTH));
      }
    }
    return width * out.rows().size() <= CHUNK_FLOATS;
  }

  @Override
  void run() {
    for (firstSegment = 0; firstSegment < segments.size(); firstSegment = endSegment) {
      for (firstMatrix = 0; firstMatrix < batch; firstMatrix += matrices) {
        layOut();
        runChunk();
      }
    }
  }

  /** As many segments, whole groups of them, and then as many matrices as have room. */
  private void layOut() {
    int room = CHUNK_FLOATS / LhsLayout.paddedRows(rows);
    int width = 0;
    endSegment = firstSegment;
    while (endSegment < segments.size()) {
      int end = groupEnd(endSegment);
      int more = 0;
      for (int s = endSegment; s < end; s++) {
        more += copies(s) * LhsLayout.width(segments.get(s).depth());
      }
      if (endSegment > firstSegment && width + more > room) {
        break;
      }
      width += more;
      endSegment = end;
    }
    matrices = (int) Math.min(batch - firstMatrix, Math.max(1, room / width));
    layout.clear();
    for (int s = firstSegment; s < endSegment; s++) {
      layout.add(s, segments.get(s).depth(), matrices * copies(s));
    }
  }

  private int copies(int s) {
    return hasLhsPerBlock(s) ? (int) segments.get(s).term().a().batch() : 1;
  }

  private void runChunk() {
    scratch.reserveShared(layout.floats());
    long depth = 0;
    for (int s = firstSegment; s < endSegment; s++) {
      depth += segments.get(s).depth();
    }
    long work = matrices * depth * rows * columns.count();
    packParts = ceilDiv(rows, PACK_ROWS);
    scratch.run(layout.parts() * packParts, work, this::pack);
    int tasks = matrices * columns.panels();
    // Equal shares need no smaller tasks, which would pack the same panel again.
    int wanted = tasks % scratch.threads() == 0 ? 1 : ceilDiv(4L * scratch.threads(), tasks);
    rowParts = Math.clamp(wanted, 1, Math.max(1, rows / MIN_TASK_ROWS));
    scratch.run(tasks * rowParts, work, this::multiply);
  }

  private void pack(int task, int worker) {
    int part = task / packParts;
    int from = task % packParts * PACK_ROWS;
    int to = Math.min(rows, from + PACK_ROWS);
    int at = layout.at(part) + from * LHS_STRIDE;
    long matrix = firstMatrix + layout.number(part);
    packLhs(matrix, layout.segment(part), from, to - from, to == rows, scratch.shared(), at);
  }

  private void multiply(int task, int worker) {
    int rowPart = task % rowParts;
    int panel = task / rowParts % columns.panels();
    int matrix = task / rowParts / columns.panels();
    int from = (int) cut(rows, rowPart, rowParts);
    int to = (int) cut(rows, rowPart + 1, rowParts);
    int[] lhsAt = new int[MAX_GROUP];
    int[] rhsAt = new int[MAX_GROUP];
    for (int s = firstSegment; s < endSegment; s = groupEnd(s)) {
      int at = scratch.ownAt(worker);
      for (int g = s; g < groupEnd(s); g++) {
        int part = hasLhsPerBlock(g) ? columns.block(panel) : matrix;
        lhsAt[g - s] = layout.at(g, part) + from * LHS_STRIDE;
        rhsAt[g - s] = at;
        packRhs(matrix, g, panel, at);
        at += segments.get(g).depth() * COLS;
      }
      strip(
          s,
          scratch.shared(),
          lhsAt,
          scratch.own(),
          rhsAt,
          panel,
          firstMatrix + matrix,
          from,
          to - from,
          scratch.tiles(worker));
    }
  }

  private void packRhs(int matrix, int s, int panel, int at) {
    Term.Segment segment = segments.get(s);
    boolean own = hasRhsPerBlock(s);
    Packing source = segment.term().rhs(own ? columns.block(panel) : firstMatrix + matrix);
    long col = own ? columns.inBlock(panel) : columns.first(panel);
    int width = columns.width(panel);
    int stride = MatmulKernel.stride(width);
    if (width == COLS && source.readsWholeRows()) {
      source.copyPanels(segment.from(), segment.depth(), col, 1, scratch.own(), at, 0);
      return;
    }
    source.copy(segment.from(), segment.depth(), col, width, scratch.own(), at, stride);
  }
}
