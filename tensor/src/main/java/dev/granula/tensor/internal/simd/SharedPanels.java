package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.COLS;
import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulKernel.ROW_MULTIPLE;
import static dev.granula.tensor.internal.simd.MatmulScratch.SUMS;
import static dev.granula.tensor.internal.simd.MatmulScratch.ZEROS;

import dev.granula.tensor.Matrix;
import java.util.ArrayList;
import java.util.List;

/**
 * For many rows and a right-hand side that is not too wide. A chunk of the right-hand sides (some
 * matrices of the batch, some blocks of depth, some panels of columns) is packed by all threads
 * into the shared array; then each task packs a block of left-hand rows for itself and forms its
 * tiles with all panels.
 */
final class SharedPanels extends BlockedProduct {
  /** Packed floats of a chunk: 4 MiB, which stay in the last level of cache. */
  private static final int CHUNK_FLOATS = 1 << 20;

  /** Left-hand rows of a task: with MAX_DEPTH they fill a part of the second-level cache. */
  private static final int BLOCK_ROWS = 96;

  private static final int MIN_BLOCK_ROWS = 48;

  /** With fewer rows it costs more to hand packed panels from one core to the other. */
  private static final int MIN_ROWS = 512;

  /** The same where panels, which one task would pack alone, are pieces of rows. */
  private static final int MIN_ROWS_BY_ROWS = 128;

  /** Room for the rows of a block, and for those that fill up its last tile. */
  static final int LHS_SLOT = (BLOCK_ROWS + ROW_MULTIPLE) * MatmulKernel.LHS_STRIDE;

  /** Tasks that pack one segment. */
  private static final int PACK_PARTS = 8;

  /** Rows are read some at a time for all panels: long enough to be fetched ahead. */
  private static final int PACK_ROWS = 16;

  /** A segment whose right-hand side the chunk at hand holds. */
  private record Packed(int block, DepthBlock.Segment segment) {}

  // The chunk at hand, and where its blocks are packed.
  private final List<Packed> segments = new ArrayList<>();
  private long firstMatrix;
  private int matrices;
  private int firstPanel;
  private int panels;
  private int firstBlock;
  private int endBlock;
  private int matrixFloats;
  private final int[] packedAt;

  // How the tasks of the chunk cut it.
  private int rowParts;
  private int colParts;
  private int packParts;

  SharedPanels(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    super(terms, out, add, scratch);
    packedAt = new int[blocks.size()];
  }

  /**
   * True for many rows where the right-hand side of a block of depth is one chunk, so that rows are
   * packed once and used while they are in a cache; and where {@link SharedRows} has no room.
   */
  static boolean pays(List<Term> terms, Matrix out) {
    long columns = ResultColumns.of(out.cols().size(), columnBlocks(terms, out)).panels() * COLS;
    boolean oneChunk = columns * DepthBlock.deepest(DepthBlock.cut(terms)) <= CHUNK_FLOATS;
    int least = terms.getFirst().rhsIsTransposed() ? MIN_ROWS : MIN_ROWS_BY_ROWS;
    return oneChunk && out.rows().size() > least || !SharedRows.fits(terms, out);
  }

  @Override
  void run() {
    int chunks = ceilDiv(columns.panels(), CHUNK_FLOATS / COLS / DepthBlock.deepest(blocks));
    for (int i = 0; i < chunks; i++) {
      firstPanel = (int) ((long) columns.panels() * i / chunks);
      panels = (int) ((long) columns.panels() * (i + 1) / chunks) - firstPanel;
      for (firstBlock = 0; firstBlock < blocks.size(); firstBlock = endBlock) {
        chooseBlocks();
        int fitting = Math.max(1, CHUNK_FLOATS / matrixFloats);
        for (firstMatrix = 0; firstMatrix < batch; firstMatrix += matrices) {
          matrices = (int) Math.min(fitting, batch - firstMatrix);
          runChunk();
        }
      }
    }
  }

  /** As many blocks as have room. */
  private void chooseBlocks() {
    endBlock = firstBlock;
    matrixFloats = 0;
    segments.clear();
    while (endBlock < blocks.size()) {
      DepthBlock block = blocks.get(endBlock);
      int floats = block.depth() * panels * COLS;
      if (endBlock > firstBlock && matrixFloats + floats > CHUNK_FLOATS) {
        return;
      }
      packedAt[endBlock] = matrixFloats;
      for (DepthBlock.Segment segment : block.segments()) {
        segments.add(new Packed(endBlock, segment));
      }
      matrixFloats += floats;
      endBlock++;
    }
  }

  private void runChunk() {
    cut();
    scratch.reserveShared(matrices * matrixFloats);
    packParts = Math.min(panels, PACK_PARTS);
    int packTasks = matrices * segments.size() * packParts;
    long work = (long) matrices * matrixFloats;
    scratch.run(packTasks, work * (1 + updateDepth), this::pack);
    scratch.run(matrices * rowParts * colParts, work * m, this::multiply);
  }

  /** Enough tasks for every thread to find its share, rows first, since columns repack rows. */
  private void cut() {
    int threads = scratch.threads();
    int wanted = ceilDiv(4L * threads, matrices);
    int units = ceilDiv(m, ROW_MULTIPLE);
    int largest = BLOCK_ROWS / ROW_MULTIPLE;
    int smallest = MIN_BLOCK_ROWS / ROW_MULTIPLE;
    int parts = Math.max(ceilDiv(units, largest), Math.min(wanted, ceilDiv(units, smallest)));
    rowParts = Math.min(units, parts > 1 ? ceilDiv(parts, threads) * threads : 1);
    colParts = Math.min(panels, ceilDiv(wanted, rowParts));
  }

  /** A task takes a few panels of columns that lie one behind the other, else a few rows of all. */
  private void pack(int task, int worker) {
    Packed packed = segments.get(task % segments.size());
    int rest = task / segments.size();
    int part = rest % packParts;
    int matrix = rest / packParts;
    DepthBlock.Segment segment = packed.segment();
    boolean byPanels = segment.term().rhsIsTransposed();
    int fromPanel = byPanels ? panels * part / packParts : 0;
    int toPanel = byPanels ? panels * (part + 1) / packParts : panels;
    int fromRow = byPanels ? 0 : segment.depth() * part / packParts;
    int toRow = byPanels ? segment.depth() : segment.depth() * (part + 1) / packParts;
    int step = byPanels ? segment.depth() : PACK_ROWS;
    int at = panelAt(matrix, packed.block(), fromPanel);
    int panelFloats = blocks.get(packed.block()).depth() * COLS;
    for (int r = fromRow; r < toRow; r += step) {
      packRhs(
          segment.part(r, Math.min(step, toRow - r), segment.at() + r),
          firstMatrix + matrix,
          firstPanel + fromPanel,
          firstPanel + toPanel,
          scratch.shared(),
          at,
          panelFloats);
    }
    updateRhs(
        segment.part(fromRow, toRow - fromRow, segment.at() + fromRow),
        firstPanel + fromPanel,
        firstPanel + toPanel,
        scratch.shared(),
        at,
        panelFloats,
        worker);
  }

  private int panelAt(int matrix, int block, int panel) {
    return AlignedFloats.FIRST
        + matrix * matrixFloats
        + packedAt[block]
        + panel * blocks.get(block).depth() * COLS;
  }

  private void multiply(int task, int worker) {
    int colPart = task % colParts;
    int rowPart = task / colParts % rowParts;
    int matrix = task / colParts / rowParts;
    long row = cut(m, rowPart, rowParts);
    int rows = (int) (cut(m, rowPart + 1, rowParts) - row);
    int from = (int) ((long) panels * colPart / colParts);
    int to = (int) ((long) panels * (colPart + 1) / colParts);
    for (int b = firstBlock; b < endBlock; b++) {
      multiplyBlock(matrix, row, rows, b, from, to, worker);
    }
  }

  private void multiplyBlock(
      int matrix, long row, int rows, int b, int fromPanel, int toPanel, int worker) {
    int packedFor = -1;
    for (int p = fromPanel; p < toPanel; p++) {
      int columnBlock = columns.block(firstPanel + p);
      if (columnBlock != packedFor) {
        packLhs(matrix, row, rows, b, columnBlock, p == fromPanel, worker);
        packedFor = columnBlock;
      }
      strip(matrix, row, rows, b, p, worker);
    }
  }

  /** The tiles of the packed rows with one panel. */
  private void strip(int matrix, long row, int rows, int b, int p, int worker) {
    float[] tile = scratch.sums(worker, MatmulKernel.TILE_FLOATS);
    int depth = blocks.get(b).depth();
    int cols = columns.width(firstPanel + p);
    int stride = MatmulKernel.stride(cols);
    int tileRows = MatmulKernel.rows(cols);
    int r = panelAt(matrix, b, p);
    for (int i = 0; i < rows; i += tileRows) {
      int l = scratch.ownAt(worker) + i * LHS_STRIDE;
      MatmulKernel.tile(stride, scratch.own(), l, scratch.shared(), r, depth, tile, ZEROS, SUMS);
      int height = Math.min(tileRows, rows - i);
      store(tile, SUMS, b, firstPanel + p, firstMatrix + matrix, row + i, height);
    }
  }

  /** All segments at first, then those that are different in each block of columns. */
  private void packLhs(
      int matrix, long row, int rows, int b, int columnBlock, boolean all, int worker) {
    DepthBlock block = blocks.get(b);
    int at = scratch.ownAt(worker);
    for (DepthBlock.Segment segment : block.segments()) {
      boolean own = hasLhsPerBlock(segment);
      if (all || own) {
        long source = own ? columnBlock : firstMatrix + matrix;
        segment.packLhs(source, row, rows, scratch.own(), at);
      }
    }
    padLhs(rows, block.depth(), scratch.own(), at);
  }
}
