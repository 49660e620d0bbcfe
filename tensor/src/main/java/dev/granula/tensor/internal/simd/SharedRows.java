package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulKernel.MAX_DEPTH;

import dev.granula.tensor.Matrix;
import java.util.ArrayList;
import java.util.List;

/**
 * All threads pack a chunk of the left-hand sides (some rows, some blocks of depth, some matrices
 * of the batch) into the shared array. Then each task packs a group of right-hand panels for itself
 * and multiplies the rows of the chunk by it. Right-hand sides are read once a chunk and never go
 * through the last level of cache packed.
 */
abstract class SharedRows extends BlockedProduct {
  /** Packed left-hand floats of a chunk: 8 MiB. */
  private static final int CHUNK_FLOATS = 2 << 20;

  /** Rows that have room in a chunk. */
  private static final int MIN_ROWS = 96;

  /** Left-hand rows that a task packs: whole tiles, and whole vectors if they are transposed. */
  private static final int PACK_ROWS = 48;

  /**
   * Neighbouring segments of a block that have equally many left-hand sides, packed as one.
   *
   * @param at first step in the depth of the block
   * @param copies left-hand sides: the blocks of columns, where each has its own, else 1
   */
  record Run(int block, List<DepthBlock.Segment> segments, int at, int depth, int copies) {}

  /** Panels {@code from} to {@code to - 1}, which a task has packed from {@code at} on. */
  record Group(int from, int to, int at) {
    int panels() {
      return to - from;
    }
  }

  private final List<Run> runs = new ArrayList<>();

  /** Where the runs of a block begin in {@link #runs}; one more than there are blocks. */
  private final int[] firstRun;

  private final LhsLayout layout;
  private final int rowChunks;

  // The chunk at hand.
  long firstRow;
  int rows;
  int firstBlock;
  int endBlock;
  long firstMatrix;
  int matrices;
  private int packParts;

  SharedRows(List<Term> terms, Matrix out, boolean add, MatmulScratch scratch) {
    super(terms, out, add, scratch);
    firstRun = new int[blocks.size() + 1];
    int widest = 0;
    for (int b = 0; b < blocks.size(); b++) {
      addRuns(b);
      firstRun[b + 1] = runs.size();
      widest = Math.max(widest, width(b));
    }
    int stripWidth = Math.ceilDiv(widest, LHS_STRIDE) * LHS_STRIDE;
    rowChunks = ceilDiv(m, CHUNK_FLOATS / stripWidth);
    layout = new LhsLayout(runs.size(), ceilDiv(m, rowChunks));
  }

  /** Whether left-hand sides that are different in each block of columns leave room for rows. */
  static boolean fits(List<Term> terms, Matrix out) {
    long depth = Math.min(MAX_DEPTH, terms.stream().mapToLong(Term::depth).sum());
    return (columnBlocks(terms, out) + 1) * LhsLayout.width((int) depth) <= CHUNK_FLOATS / MIN_ROWS;
  }

  private void addRuns(int b) {
    List<DepthBlock.Segment> segments = blocks.get(b).segments();
    for (int i = 0, end; i < segments.size(); i = end) {
      int copies = copies(segments.get(i));
      int depth = 0;
      for (end = i; end < segments.size() && copies(segments.get(end)) == copies; end++) {
        depth += segments.get(end).depth();
      }
      runs.add(new Run(b, segments.subList(i, end), segments.get(i).at(), depth, copies));
    }
  }

  private int copies(DepthBlock.Segment segment) {
    return hasLhsPerBlock(segment) ? Math.toIntExact(segment.term().a().batch()) : 1;
  }

  /** Columns that the left-hand sides of a block of depth take. */
  private int width(int b) {
    int width = 0;
    for (Run run : runs.subList(firstRun[b], firstRun[b + 1])) {
      width += run.copies * LhsLayout.width(run.depth);
    }
    return width;
  }

  @Override
  final void run() {
    for (int i = 0; i < rowChunks; i++) {
      firstRow = cut(m, i, rowChunks);
      rows = (int) (cut(m, i + 1, rowChunks) - firstRow);
      for (firstBlock = 0; firstBlock < blocks.size(); firstBlock = endBlock) {
        for (firstMatrix = 0; firstMatrix < batch; firstMatrix += matrices) {
          layOut();
          runChunk();
        }
      }
    }
  }

  /** As many blocks and then as many matrices as have room. */
  private void layOut() {
    int room = CHUNK_FLOATS / LhsLayout.paddedRows(rows);
    int width = width(firstBlock);
    endBlock = firstBlock + 1;
    while (endBlock < blocks.size() && width + width(endBlock) <= room) {
      width += width(endBlock++);
    }
    matrices = (int) Math.min(batch - firstMatrix, Math.max(1, room / width));
    layout.clear();
    for (int r = firstRun[firstBlock]; r < firstRun[endBlock]; r++) {
      layout.add(r, runs.get(r).depth, matrices * runs.get(r).copies);
    }
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
  abstract void multiplyChunk(long work);

  private void pack(int task, int worker) {
    int part = task / packParts;
    int from = task % packParts * PACK_ROWS;
    int count = Math.min(rows - from, PACK_ROWS);
    int at = layout.at(part) + from * LHS_STRIDE;
    Run run = runs.get(layout.run(part));
    long matrix = batch > 1 || run.copies > 1 ? firstMatrix + layout.number(part) : 0;
    for (DepthBlock.Segment segment : run.segments) {
      segment.packLhs(matrix, firstRow + from, count, scratch.shared(), at - run.at);
    }
    padLhs(count, run.depth, scratch.shared(), at);
  }

  /** The runs of a block of depth. */
  final List<Run> runs(int block) {
    return runs.subList(firstRun[block], firstRun[block + 1]);
  }

  /** Where the rows of run {@code i} of a block begin, for a matrix of the chunk and a panel. */
  final int lhsAt(int block, int i, int matrix, int panel) {
    int run = firstRun[block] + i;
    return layout.at(run, runs.get(run).copies > 1 ? columns.block(panel) : matrix);
  }

  /** Groups of at most {@code widest} panels, so many that all threads have equal shares. */
  final int groups(int widest) {
    int even = scratch.threads() / greatestCommonDivisor(scratch.threads(), matrices);
    int enough = ceilDiv(columns.panels(), widest);
    return Math.min(columns.panels(), ceilDiv(enough, even) * even);
  }

  private static int greatestCommonDivisor(int x, int y) {
    return y == 0 ? x : greatestCommonDivisor(y, x % y);
  }

  final Group group(int number, int groups, int worker) {
    int from = (int) ((long) columns.panels() * number / groups);
    int to = (int) ((long) columns.panels() * (number + 1) / groups);
    return new Group(from, to, scratch.ownAt(worker));
  }
}
