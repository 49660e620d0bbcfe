package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.COLS;
import static dev.granula.tensor.internal.simd.MatmulKernel.DEPTH;
import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulKernel.ROWS;

import dev.granula.tensor.Axis;
import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One call of {@code matmul} in blocks. A chunk of the right-hand side (some matrices of the batch,
 * {@code depth} of its rows, {@code width} of its columns) is packed by all threads into one shared
 * array; then each task packs a block of left-hand rows for itself and forms its tiles. Which
 * thread does what, and where blocks begin, does not show in the result: only {@link
 * MatmulKernel#DEPTH} does.
 */
final class BlockedProduct {
  /** Packed floats of a chunk: 8 MiB, so that the second and third level of cache hold most. */
  private static final int CHUNK_FLOATS = 1 << 21;

  /** Left-hand rows of a task: with DEPTH they fill a part of the second-level cache. */
  private static final int BLOCK_ROWS = 128;

  private static final int MIN_BLOCK_ROWS = 32;

  /** Panels of the right-hand side that one packing task takes. */
  private static final int PACK_PANELS = 4;

  private final Matrix a;
  private final Matrix b;
  private final Matrix out;
  private final Axis outRows;
  private final Axis outCols;
  private final MemorySegment outMemory;
  private final float scale;
  private final boolean add;
  private final MatmulScratch scratch;
  private final long batch;
  private final long m;
  private final long n;
  private final long k;

  // The chunk at hand.
  private long firstMatrix;
  private int matrices;
  private long firstRow;
  private int depth;
  private long firstCol;
  private int width;

  // How the tasks of the chunk cut it.
  private int panels;
  private int depthBlocks;
  private int panelFloats;
  private int blockRows;
  private int rowBlocks;
  private int blockPanels;
  private int colBlocks;

  BlockedProduct(Matrix a, Matrix b, Matrix out, float scale, boolean add, MatmulScratch scratch) {
    this.a = a;
    this.b = b;
    this.out = out;
    this.outRows = out.rows();
    this.outCols = out.cols();
    this.outMemory = out.tensor().memory();
    this.scale = scale;
    this.add = add;
    this.scratch = scratch;
    this.batch = out.batch();
    this.m = outRows.size();
    this.n = outCols.size();
    this.k = a.cols().size();
  }

  void run() {
    long maxWidth = Math.min(roundUp(n, COLS), CHUNK_FLOATS / DEPTH / COLS * COLS);
    long maxDepth = Math.min(k, CHUNK_FLOATS / maxWidth / DEPTH * DEPTH);
    long maxMatrices = Math.max(1, CHUNK_FLOATS / (maxWidth * maxDepth));
    for (firstMatrix = 0; firstMatrix < batch; firstMatrix += matrices) {
      matrices = (int) Math.min(maxMatrices, batch - firstMatrix);
      for (firstCol = 0; firstCol < n; firstCol += width) {
        width = (int) Math.min(maxWidth, n - firstCol);
        for (firstRow = 0; firstRow < k; firstRow += depth) {
          depth = (int) Math.min(maxDepth, k - firstRow);
          runChunk();
        }
      }
    }
  }

  private void runChunk() {
    cut();
    scratch.reserveRhs(matrices * depthBlocks * panels * panelFloats);
    long work = (long) matrices * depth * width;
    int packTasks = matrices * depthBlocks * ceilDiv(panels, PACK_PANELS);
    scratch.run(packTasks, work, this::pack);
    scratch.run(matrices * rowBlocks * colBlocks, work * m, this::multiply);
  }

  /** Enough tasks for every thread to find its share, rows first, since columns repack rows. */
  private void cut() {
    panels = ceilDiv(width, COLS);
    depthBlocks = ceilDiv(depth, DEPTH);
    panelFloats = Math.min(depth, DEPTH) * COLS;
    int wanted = ceilDiv(4 * scratch.threads(), matrices);
    blockRows = BLOCK_ROWS;
    while (blockRows > MIN_BLOCK_ROWS && ceilDiv(m, blockRows) < wanted) {
      blockRows /= 2;
    }
    rowBlocks = ceilDiv(m, blockRows);
    blockPanels = ceilDiv(panels, Math.min(panels, ceilDiv(wanted, rowBlocks)));
    colBlocks = ceilDiv(panels, blockPanels);
  }

  private void pack(int task, int worker) {
    int groups = ceilDiv(panels, PACK_PANELS);
    int group = task % groups;
    int block = task / groups % depthBlocks;
    int matrix = task / groups / depthBlocks;
    Packing source = rhs(firstMatrix + matrix);
    int rows = Math.min(DEPTH, depth - block * DEPTH);
    int to = Math.min(panels, (group + 1) * PACK_PANELS);
    for (int panel = group * PACK_PANELS; panel < to; panel++) {
      int cols = Math.min(COLS, width - panel * COLS);
      source.copy(
          firstRow + (long) block * DEPTH,
          rows,
          firstCol + (long) panel * COLS,
          cols,
          scratch.rhs(),
          panelAt(matrix, block, panel),
          COLS);
    }
  }

  private int panelAt(int matrix, int block, int panel) {
    return ((matrix * depthBlocks + block) * panels + panel) * panelFloats;
  }

  private void multiply(int task, int worker) {
    int colBlock = task % colBlocks;
    int rowBlock = task / colBlocks % rowBlocks;
    int matrix = task / colBlocks / rowBlocks;
    long row = (long) rowBlock * blockRows;
    int rows = (int) Math.min(blockRows, m - row);
    Packing source = lhs(firstMatrix + matrix);
    float[] panel = scratch.lhs(worker);
    for (int block = 0; block < depthBlocks; block++) {
      int blockDepth = Math.min(DEPTH, depth - block * DEPTH);
      long from = firstRow + (long) block * DEPTH;
      source.copy(row, rows, from, blockDepth, panel, 0, LHS_STRIDE);
      int to = Math.min(panels, (colBlock + 1) * blockPanels);
      for (int p = colBlock * blockPanels; p < to; p++) {
        strip(matrix, row, rows, block, blockDepth, p, worker);
      }
    }
  }

  /** The tiles of all rows of a task under one right-hand panel. */
  private void strip(
      int matrix, long row, int rows, int block, int blockDepth, int panel, int worker) {
    float[] lhs = scratch.lhs(worker);
    float[] rhs = scratch.rhs();
    int at = panelAt(matrix, block, panel);
    long col = firstCol + (long) panel * COLS;
    int cols = (int) Math.min(COLS, n - col);
    long start = out.batchOffset(firstMatrix + matrix) + outCols.offset(col);
    boolean wide = cols == COLS && outCols.innerStride() == 1 && oneRun(outCols, col, COLS);
    boolean accumulate = add || firstRow > 0 || block > 0;
    for (int r = 0; r < rows; r += ROWS) {
      int height = Math.min(ROWS, rows - r);
      int l = r * LHS_STRIDE;
      if (wide && height == ROWS && oneRun(outRows, row + r, ROWS)) {
        MatmulKernel.tile(
            lhs,
            l,
            rhs,
            at,
            blockDepth,
            outMemory,
            4 * (start + outRows.offset(row + r)),
            4 * outRows.innerStride(),
            scale,
            accumulate);
      } else {
        MemorySegment tile = scratch.tile(worker);
        long origin = out.batchOffset(firstMatrix + matrix);
        if (accumulate) {
          move(origin, row + r, height, col, cols, tile, true);
        }
        MatmulKernel.tile(lhs, l, rhs, at, blockDepth, tile, 0, 4 * COLS, scale, accumulate);
        move(origin, row + r, height, col, cols, tile, false);
      }
    }
  }

  /** Exchanges an edge tile, or one whose columns are scattered, with its place in the result. */
  private void move(
      long origin, long row, int rows, long col, int cols, MemorySegment tile, boolean load) {
    for (int r = 0; r < rows; r++) {
      long place = origin + outRows.offset(row + r);
      for (int c = 0; c < cols; c++) {
        long at = place + outCols.offset(col + c);
        long inTile = (long) r * COLS + c;
        if (load) {
          tile.setAtIndex(
              ValueLayout.JAVA_FLOAT, inTile, outMemory.getAtIndex(ValueLayout.JAVA_FLOAT, at));
        } else {
          outMemory.setAtIndex(
              ValueLayout.JAVA_FLOAT, at, tile.getAtIndex(ValueLayout.JAVA_FLOAT, inTile));
        }
      }
    }
  }

  private static boolean oneRun(Axis axis, long i, int count) {
    return Packing.run(axis, i, count) == count;
  }

  private Packing lhs(long matrix) {
    return new Packing(a.tensor().memory(), false, a.batchOffset(matrix), a.rows(), a.cols());
  }

  private Packing rhs(long matrix) {
    boolean bf16 = b.tensor().dtype() == DType.BF16;
    return new Packing(b.tensor().memory(), bf16, b.batchOffset(matrix), b.rows(), b.cols());
  }

  private static int ceilDiv(long x, long y) {
    return Math.toIntExact(Math.ceilDiv(x, y));
  }

  private static long roundUp(long x, long multiple) {
    return Math.ceilDiv(x, multiple) * multiple;
  }
}
