package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.COLS;
import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulKernel.MAX_DEPTH;

import dev.granula.tensor.Matrix;
import java.util.List;

/**
 * For few rows. All threads pack a chunk of the left-hand sides (some blocks of depth and matrices
 * of the batch) into the shared array. Then each task packs a panel of right-hand columns for
 * itself, which stays in its second-level cache, and forms the tiles of all rows of the chunk with
 * it: the right-hand side, by far the larger one, is read once and never goes through the last
 * level of cache packed.
 */
class OwnPanels extends BlockedProduct {
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

  final LhsLayout layout;
  final int rows;

  // The chunk at hand.
  int firstBlock;
  int endBlock;
  long firstMatrix;
  int matrices;
  private int packParts;
  private int rowParts;

  OwnPanels(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    super(terms, out, add, scratch);
    rows = (int) m;
    layout = new LhsLayout(blocks.size(), rows);
  }

  /**
   * True for few rows. Fewer yet where a panel is read as pieces of rows: where all panels share
   * them, rows are read as a whole, which the processor fetches ahead. Left-hand sides of their own
   * for blocks of columns must fit in one chunk.
   */
  static boolean pays(List<Term> terms, Matrix out) {
    boolean inPieces = !terms.getFirst().rhsIsTransposed();
    if (out.rows().size() > (inPieces ? MAX_ROWS_IN_PIECES : MAX_ROWS)) {
      return false;
    }
    long copies = columnBlocks(terms, out);
    long depth = terms.stream().mapToLong(Term::depth).sum();
    int width = LhsLayout.width((int) Math.min(depth, MAX_DEPTH));
    return copies == 1 || copies * width * out.rows().size() <= CHUNK_FLOATS;
  }

  @Override
  final void run() {
    for (firstBlock = 0; firstBlock < blocks.size(); firstBlock = endBlock) {
      for (firstMatrix = 0; firstMatrix < batch; firstMatrix += matrices) {
        layOut();
        runChunk();
      }
    }
  }

  /** As many blocks and then as many matrices as have room. */
  private void layOut() {
    int room = CHUNK_FLOATS / LhsLayout.paddedRows(rows);
    int width = 0;
    endBlock = firstBlock;
    while (endBlock < blocks.size()) {
      int more = copies(endBlock) * LhsLayout.width(blocks.get(endBlock).depth());
      if (endBlock > firstBlock && width + more > room) {
        break;
      }
      width += more;
      endBlock++;
    }
    matrices = (int) Math.min(batch - firstMatrix, Math.max(1, room / width));
    layout.clear();
    for (int b = firstBlock; b < endBlock; b++) {
      layout.add(b, blocks.get(b).depth(), matrices * copies(b));
    }
  }

  /** Left-hand sides of a block of depth: one a block of columns if they differ in a segment. */
  private int copies(int b) {
    long copies = 1;
    for (DepthBlock.Segment segment : blocks.get(b).segments()) {
      copies = Math.max(copies, hasLhsPerBlock(segment) ? segment.term().a().batch() : 1);
    }
    return (int) copies;
  }

  private void runChunk() {
    scratch.reserveShared(layout.floats());
    long depth = 0;
    for (int b = firstBlock; b < endBlock; b++) {
      depth += blocks.get(b).depth();
    }
    long work = matrices * depth * rows * columns.count();
    packParts = ceilDiv(rows, PACK_ROWS);
    scratch.run(layout.parts() * packParts, work, this::pack);
    multiplyChunk(work);
  }

  /** Forms all tiles with the left-hand sides of the chunk, in {@code work} multiply-adds. */
  void multiplyChunk(long work) {
    int tasks = matrices * columns.panels();
    // Equal shares need no smaller tasks, which would pack the same panel again.
    int wanted = tasks % scratch.threads() == 0 ? 1 : ceilDiv(4L * scratch.threads(), tasks);
    rowParts = Math.clamp(wanted, 1, Math.max(1, rows / MIN_TASK_ROWS));
    scratch.run(tasks * rowParts, work, this::multiply);
  }

  private void pack(int task, int worker) {
    int part = task / packParts;
    int from = task % packParts * PACK_ROWS;
    int count = Math.min(rows - from, PACK_ROWS);
    int at = layout.at(part) + from * LHS_STRIDE;
    DepthBlock block = blocks.get(layout.block(part));
    int number = layout.number(part);
    for (DepthBlock.Segment segment : block.segments()) {
      // Where a block of columns has a left-hand side of its own, the result is one matrix.
      boolean shared = batch == 1 && !hasLhsPerBlock(segment);
      segment.packLhs(shared ? 0 : firstMatrix + number, from, count, scratch.shared(), at);
    }
    padLhs(count, block.depth(), scratch.shared(), at);
  }

  private void multiply(int task, int worker) {
    int rowPart = task % rowParts;
    int panel = task / rowParts % columns.panels();
    int matrix = task / rowParts / columns.panels();
    int from = (int) cut(rows, rowPart, rowParts);
    int to = (int) cut(rows, rowPart + 1, rowParts);
    for (int b = firstBlock; b < endBlock; b++) {
      int part = copies(b) > 1 ? columns.block(panel) : matrix;
      int at = scratch.ownAt(worker);
      packRhs(matrix, b, panel, at);
      strip(
          b,
          scratch.shared(),
          layout.at(b, part) + from * LHS_STRIDE,
          scratch.own(),
          at,
          panel,
          firstMatrix + matrix,
          from,
          to - from,
          worker);
    }
  }

  private void packRhs(int matrix, int b, int panel, int to) {
    int width = columns.width(panel);
    int stride = MatmulKernel.stride(width);
    for (DepthBlock.Segment segment : blocks.get(b).segments()) {
      boolean own = hasRhsPerBlock(segment);
      Packing source = segment.term().rhs(own ? columns.block(panel) : firstMatrix + matrix);
      long col = own ? columns.inBlock(panel) : columns.first(panel);
      int at = to + segment.at() * stride;
      if (width == COLS && source.readsWholeRows()) {
        source.copyPanels(segment.from(), segment.depth(), col, 1, scratch.own(), at, 0);
      } else {
        source.copy(segment.from(), segment.depth(), col, width, scratch.own(), at, stride);
      }
    }
  }
}
