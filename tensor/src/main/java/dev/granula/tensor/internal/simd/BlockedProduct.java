package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.COLS;
import static dev.granula.tensor.internal.simd.MatmulKernel.DEPTH;
import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulKernel.ROW_MULTIPLE;

import dev.granula.tensor.Matrix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A sum of products in blocks. The depths of all terms, cut into {@link Term.Segment segments}, are
 * gone through one after the other. A chunk of the right-hand sides (some matrices of the batch,
 * some segments, some panels of columns) is packed by all threads into one shared array; then each
 * task packs a block of left-hand rows for itself and forms its tiles. The segments of the terms
 * behind the first one join the segment before them: their tiles meet while they are in the first
 * level of cache, and the result is visited once for all of them.
 *
 * <p>Which thread does what, and where blocks begin, does not show in the result: only {@link
 * MatmulKernel#DEPTH} and the order of the terms do.
 */
final class BlockedProduct {
  /** Packed floats of a chunk: 4 MiB, which stay in the last level of cache. */
  private static final int CHUNK_FLOATS = 1 << 20;

  /** Left-hand rows of a task: with DEPTH they fill a part of the second-level cache. */
  static final int BLOCK_ROWS = 96;

  private static final int MIN_BLOCK_ROWS = 48;

  /** Segments that may join one another. */
  static final int MAX_GROUP = 3;

  /** Tasks that pack one segment. */
  private static final int PACK_PARTS = 8;

  private static final int PACK_ROWS = 16;

  private final Matrix out;
  private final boolean add;
  private final MatmulScratch scratch;
  private final List<Term.Segment> segments;
  private final TileStore store;
  private final long batch;
  private final long m;

  /** Columns come in equal blocks, each cut into panels. */
  private final long blockWidth;

  private final int panelsPerBlock;

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

  /** The terms must be of one batch, or the result unbatched and all columns in equal blocks. */
  BlockedProduct(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    this.out = out;
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
    blockWidth = out.cols().size() / blocks;
    panelsPerBlock = ceilDiv(blockWidth, COLS);
    packedAt = new int[segments.size()];
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

  void run() {
    int allPanels = Math.toIntExact(out.cols().size() / blockWidth * panelsPerBlock);
    int maxPanels = CHUNK_FLOATS / COLS / DEPTH;
    for (firstPanel = 0; firstPanel < allPanels; firstPanel += panels) {
      panels = Math.min(maxPanels, allPanels - firstPanel);
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

  /** Where the group of segments that begins at {@code s} ends. */
  private int groupEnd(int s) {
    int end = s + 1;
    while (end < segments.size() && end - s < MAX_GROUP && !segments.get(end).first()) {
      end++;
    }
    return end;
  }

  private void runChunk() {
    cut();
    scratch.reserveRhs(matrices * matrixFloats);
    packParts = Math.min(panels, PACK_PARTS);
    int packTasks = matrices * (endSegment - firstSegment) * packParts;
    long work = (long) matrices * matrixFloats;
    scratch.run(packTasks, work, this::pack);
    scratch.run(matrices * rowBlocks * colBlocks, work * m, this::multiply);
  }

  /** Enough tasks for every thread to find its share, rows first, since columns repack rows. */
  private void cut() {
    int threads = scratch.threads();
    int wanted = ceilDiv(4 * threads, matrices);
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
    // Rows are read some at a time for all panels: long enough for the processor to fetch ahead.
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
    int block = (firstPanel + panel) / panelsPerBlock;
    int inBlock = (firstPanel + panel) % panelsPerBlock;
    boolean own = batch == 1 && segment.term().b().batch() > 1;
    long col = (long) inBlock * COLS;
    int cols = (int) Math.min(COLS, blockWidth - col);
    int stride = MatmulKernel.stride(cols);
    Packing source = segment.term().rhs(own ? block : firstMatrix + matrix);
    long from = own ? col : block * blockWidth + col;
    int at = panelAt(matrix, s, panel) + row * stride;
    int whole = (int) Math.min(end - panel, (blockWidth - col) / COLS);
    if (whole > 1 && source.readsWholeRows()) {
      int panelFloats = segment.depth() * COLS;
      source.copyPanels(segment.from() + row, rows, from, whole, scratch.rhs(), at, panelFloats);
      return whole;
    }
    source.copy(segment.from() + row, rows, from, cols, scratch.rhs(), at, stride);
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
    int units = ceilDiv(m, ROW_MULTIPLE);
    long row = (long) units * rowBlock / rowBlocks * ROW_MULTIPLE;
    long end = Math.min(m, (long) units * (rowBlock + 1) / rowBlocks * ROW_MULTIPLE);
    int from = (int) ((long) panels * colBlock / colBlocks);
    int to = (int) ((long) panels * (colBlock + 1) / colBlocks);
    for (int s = firstSegment; s < endSegment; s = groupEnd(s)) {
      multiplyGroup(matrix, row, (int) (end - row), s, from, to, worker);
    }
  }

  private void multiplyGroup(
      int matrix, long row, int rows, int s, int fromPanel, int toPanel, int worker) {
    int end = groupEnd(s);
    int packedBlock = -1;
    for (int p = fromPanel; p < toPanel; p++) {
      int block = (firstPanel + p) / panelsPerBlock;
      for (int g = s; g < end; g++) {
        boolean own = batch == 1 && segments.get(g).term().a().batch() > 1;
        if (p == fromPanel || own && block != packedBlock) {
          packLhs(own ? block : firstMatrix + matrix, row, rows, g, g - s, worker);
        }
      }
      packedBlock = block;
      strip(matrix, row, rows, s, end, p, worker);
    }
  }

  /** Rows of a segment into a slot; rows that only fill up the last tiles become zero. */
  private void packLhs(long matrix, long row, int rows, int s, int slot, int worker) {
    Term.Segment segment = segments.get(s);
    float[] lhs = scratch.lhs(worker);
    int at = slot * MatmulScratch.LHS_SLOT;
    segment
        .term()
        .lhs(matrix)
        .copy(row, rows, segment.from(), segment.depth(), lhs, at, LHS_STRIDE);
    for (int r = rows; r % ROW_MULTIPLE != 0; r++) {
      Arrays.fill(lhs, at + r * LHS_STRIDE, at + r * LHS_STRIDE + segment.depth(), 0);
    }
  }

  /** The tiles of all rows of a task under one right-hand panel. */
  private void strip(int matrix, long row, int rows, int s, int end, int panel, int worker) {
    float[] lhs = scratch.lhs(worker);
    float[] tile = scratch.tile(worker);
    int block = (firstPanel + panel) / panelsPerBlock;
    long colInBlock = (long) ((firstPanel + panel) % panelsPerBlock) * COLS;
    int cols = (int) Math.min(COLS, blockWidth - colInBlock);
    int stride = MatmulKernel.stride(cols);
    int tileRows = MatmulKernel.rows(cols);
    boolean accumulate = add || s > 0;
    for (int r = 0; r < rows; r += tileRows) {
      for (int g = s; g < end; g++) {
        Term.Segment segment = segments.get(g);
        MatmulKernel.tile(
            stride,
            lhs,
            (g - s) * MatmulScratch.LHS_SLOT + r * LHS_STRIDE,
            scratch.rhs(),
            panelAt(matrix, g, panel),
            segment.depth(),
            tile,
            AlignedFloats.FIRST,
            segment.term().scale(),
            g > s);
      }
      store.store(
          tile,
          stride,
          firstMatrix + matrix,
          row + r,
          Math.min(tileRows, rows - r),
          block * blockWidth + colInBlock,
          cols,
          accumulate);
    }
  }

  private static int ceilDiv(long x, long y) {
    return Math.toIntExact(Math.ceilDiv(x, y));
  }
}
