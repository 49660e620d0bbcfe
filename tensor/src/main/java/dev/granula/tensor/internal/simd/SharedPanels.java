package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.COLS;
import static dev.granula.tensor.internal.simd.MatmulKernel.DEPTH;
import static dev.granula.tensor.internal.simd.MatmulKernel.ROW_MULTIPLE;

import dev.granula.tensor.Matrix;
import java.util.List;

/**
 * For many rows. A chunk of the right-hand sides (some matrices of the batch, some segments, some
 * panels of columns) is packed by all threads into the shared array; then each task packs a block
 * of left-hand rows for itself and forms its tiles with all panels.
 */
final class SharedPanels extends BlockedProduct {
  /** Packed floats of a chunk: 4 MiB, which stay in the last level of cache. */
  private static final int CHUNK_FLOATS = 1 << 20;

  /** Left-hand rows of a task: with DEPTH they fill a part of the second-level cache. */
  private static final int BLOCK_ROWS = 96;

  private static final int MIN_BLOCK_ROWS = 48;

  /** Room for the rows of a block, and for those that fill up its last tile. */
  static final int LHS_SLOT = (BLOCK_ROWS + ROW_MULTIPLE) * MatmulKernel.LHS_STRIDE;

  /** Tasks that pack one segment. */
  private static final int PACK_PARTS = 8;

  /** Rows are read some at a time for all panels: long enough to be fetched ahead. */
  private static final int PACK_ROWS = 16;

  // The chunk at hand, and where its segments are packed.
  private long firstMatrix;
  private int matrices;
  private int firstPanel;
  private int panels;
  private int firstSegment;
  private int endSegment;
  private int matrixFloats;
  private final int[] packedAt;

  // How the tasks of the chunk cut it.
  private int rowBlocks;
  private int colBlocks;
  private int packParts;

  SharedPanels(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    super(terms, out, add, scratch);
    packedAt = new int[segments.size()];
  }

  @Override
  void run() {
    int maxPanels = CHUNK_FLOATS / COLS / DEPTH;
    for (firstPanel = 0; firstPanel < columns.panels(); firstPanel += panels) {
      panels = Math.min(maxPanels, columns.panels() - firstPanel);
      for (firstSegment = 0; firstSegment < segments.size(); firstSegment = endSegment) {
        chooseSegments();
        int fitting = Math.max(1, CHUNK_FLOATS / matrixFloats);
        for (firstMatrix = 0; firstMatrix < batch; firstMatrix += matrices) {
          matrices = (int) Math.min(fitting, batch - firstMatrix);
          runChunk();
        }
      }
    }
  }

  /** As many segments as have room, whole groups of them. */
  private void chooseSegments() {
    endSegment = firstSegment;
    matrixFloats = 0;
    while (endSegment < segments.size()) {
      int end = groupEnd(endSegment);
      int floats = 0;
      for (int s = endSegment; s < end; s++) {
        packedAt[s] = matrixFloats + floats;
        floats += segments.get(s).depth() * panels * COLS;
      }
      if (endSegment > firstSegment && matrixFloats + floats > CHUNK_FLOATS) {
        return;
      }
      matrixFloats += floats;
      endSegment = end;
    }
  }

  private void runChunk() {
    cut();
    scratch.reserveShared(matrices * matrixFloats);
    packParts = Math.min(panels, PACK_PARTS);
    int packTasks = matrices * (endSegment - firstSegment) * packParts;
    long work = (long) matrices * matrixFloats;
    scratch.run(packTasks, work, this::pack);
    scratch.run(matrices * rowBlocks * colBlocks, work * m, this::multiply);
  }

  /** Enough tasks for every thread to find its share, rows first, since columns repack rows. */
  private void cut() {
    int threads = scratch.threads();
    int wanted = ceilDiv(4L * threads, matrices);
    int units = ceilDiv(m, ROW_MULTIPLE);
    int largest = BLOCK_ROWS / ROW_MULTIPLE;
    int smallest = MIN_BLOCK_ROWS / ROW_MULTIPLE;
    int blocks = Math.max(ceilDiv(units, largest), Math.min(wanted, ceilDiv(units, smallest)));
    rowBlocks = Math.min(units, blocks > 1 ? ceilDiv(blocks, threads) * threads : 1);
    colBlocks = Math.min(panels, ceilDiv(wanted, rowBlocks));
  }

  /** A task takes a few panels of columns that lie one behind the other, else a few rows of all. */
  private void pack(int task, int worker) {
    int s = firstSegment + task % (endSegment - firstSegment);
    int rest = task / (endSegment - firstSegment);
    int part = rest % packParts;
    int matrix = rest / packParts;
    Term.Segment segment = segments.get(s);
    boolean byPanels = segment.term().rhsIsTransposed();
    int fromPanel = byPanels ? panels * part / packParts : 0;
    int toPanel = byPanels ? panels * (part + 1) / packParts : panels;
    int fromRow = byPanels ? 0 : segment.depth() * part / packParts;
    int toRow = byPanels ? segment.depth() : segment.depth() * (part + 1) / packParts;
    int step = byPanels ? segment.depth() : PACK_ROWS;
    for (int r = fromRow; r < toRow; r += step) {
      int rows = Math.min(step, toRow - r);
      for (int p = fromPanel; p < toPanel; ) {
        p += packPanels(matrix, s, p, toPanel, r, rows);
      }
    }
  }

  /** Packs panel {@code panel}, or whole ones up to {@code end} where they lie side by side. */
  private int packPanels(int matrix, int s, int panel, int end, int row, int rows) {
    Term.Segment segment = segments.get(s);
    boolean own = hasRhsPerBlock(s);
    int block = columns.block(firstPanel + panel);
    long col = columns.inBlock(firstPanel + panel);
    int cols = columns.width(firstPanel + panel);
    int stride = MatmulKernel.stride(cols);
    Packing source = segment.term().rhs(own ? block : firstMatrix + matrix);
    long from = own ? col : columns.first(firstPanel + panel);
    int at = panelAt(matrix, s, panel) + row * stride;
    int whole = (int) Math.min(end - panel, (columns.blockWidth() - col) / COLS);
    if (whole > 1 && source.readsWholeRows()) {
      int panelFloats = segment.depth() * COLS;
      source.copyPanels(segment.from() + row, rows, from, whole, scratch.shared(), at, panelFloats);
      return whole;
    }
    source.copy(segment.from() + row, rows, from, cols, scratch.shared(), at, stride);
    return 1;
  }

  private int panelAt(int matrix, int s, int panel) {
    return AlignedFloats.FIRST
        + matrix * matrixFloats
        + packedAt[s]
        + panel * segments.get(s).depth() * COLS;
  }

  private void multiply(int task, int worker) {
    int colBlock = task % colBlocks;
    int rowBlock = task / colBlocks % rowBlocks;
    int matrix = task / colBlocks / rowBlocks;
    long row = cut(m, rowBlock, rowBlocks);
    int rows = (int) (cut(m, rowBlock + 1, rowBlocks) - row);
    int from = (int) ((long) panels * colBlock / colBlocks);
    int to = (int) ((long) panels * (colBlock + 1) / colBlocks);
    for (int s = firstSegment; s < endSegment; s = groupEnd(s)) {
      multiplyGroup(matrix, row, rows, s, from, to, worker);
    }
  }

  private void multiplyGroup(
      int matrix, long row, int rows, int s, int fromPanel, int toPanel, int worker) {
    int end = groupEnd(s);
    int[] lhsAt = new int[MAX_GROUP];
    int[] rhsAt = new int[MAX_GROUP];
    int packedBlock = -1;
    for (int p = fromPanel; p < toPanel; p++) {
      int block = columns.block(firstPanel + p);
      for (int g = s; g < end; g++) {
        boolean own = hasLhsPerBlock(g);
        lhsAt[g - s] = scratch.ownAt(worker) + (g - s) * LHS_SLOT;
        rhsAt[g - s] = panelAt(matrix, g, p);
        if (p == fromPanel || own && block != packedBlock) {
          long source = own ? block : firstMatrix + matrix;
          packLhs(source, g, row, rows, true, scratch.own(), lhsAt[g - s]);
        }
      }
      packedBlock = block;
      strip(
          s,
          scratch.own(),
          lhsAt,
          scratch.shared(),
          rhsAt,
          firstPanel + p,
          firstMatrix + matrix,
          row,
          rows,
          scratch.tiles(worker));
    }
  }
}
