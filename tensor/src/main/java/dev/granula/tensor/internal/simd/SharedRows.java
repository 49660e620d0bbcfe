package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulKernel.MAX_DEPTH;
import static dev.granula.tensor.internal.simd.MatmulKernel.ROW_MULTIPLE;

import dev.granula.tensor.Matrix;
import java.util.ArrayList;
import java.util.List;

/**
 * All threads pack a chunk of the left-hand sides (some rows, some blocks of depth, some matrices
 * of the batch) into the shared array. Then each task packs a group of right-hand panels for itself
 * and multiplies the rows of the chunk by it. Right-hand sides never go through the last level of
 * cache packed.
 */
abstract class SharedRows extends BlockedProduct {
  /** Packed left-hand floats of a chunk, 8 MiB; twice that where parts leave strips half empty. */
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
  record Run(List<DepthBlock.Segment> segments, int at, int depth, int copies) {}

  /** Panels {@code from} to {@code to - 1}, which a task has packed from {@code at} on. */
  record Group(int from, int to, int at) {
    int panels() {
      return to - from;
    }
  }

  /** The runs of each block of depth. */
  private final List<List<Run>> runs = new ArrayList<>();

  /** Number of the first run of each block, counted through all blocks. */
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
      runs.add(cutIntoRuns(b));
      firstRun[b + 1] = firstRun[b] + runs(b).size();
      widest = Math.max(widest, width(b));
    }
    int stripWidth = Math.ceilDiv(widest, LHS_STRIDE) * LHS_STRIDE;
    int most = ceilDiv(m, ROW_MULTIPLE);
    rowChunks = Math.min(most, ceilDiv(m, Math.max(1, CHUNK_FLOATS / stripWidth)));
    layout = new LhsLayout(firstRun[blocks.size()], ceilDiv(m, rowChunks));
  }

  /**
   * Whether left-hand sides that are different in each block of columns leave room for a good many
   * rows.
   */
  static boolean fits(List<Term> terms, Matrix out) {
    long width = MAX_DEPTH;
    for (Term term : terms) {
      if (out.batch() == 1 && term.a().batch() > 1) {
        width += term.a().batch() * LhsLayout.width((int) Math.min(term.depth(), MAX_DEPTH));
      }
    }
    return width <= CHUNK_FLOATS / MIN_ROWS;
  }

  private List<Run> cutIntoRuns(int b) {
    List<Run> result = new ArrayList<>();
    List<DepthBlock.Segment> segments = blocks.get(b).segments();
    for (int i = 0, end; i < segments.size(); i = end) {
      int copies = copies(segments.get(i));
      int depth = 0;
      for (end = i; end < segments.size() && copies(segments.get(end)) == copies; end++) {
        depth += segments.get(end).depth();
      }
      result.add(new Run(segments.subList(i, end), segments.get(i).at(), depth, copies));
    }
    return result;
  }

  private int copies(DepthBlock.Segment segment) {
    return hasLhsPerBlock(segment) ? Math.toIntExact(segment.term().a().batch()) : 1;
  }

  /** Columns that the left-hand sides of a block of depth take. */
  private int width(int b) {
    int width = 0;
    for (Run run : runs(b)) {
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
    for (int b = firstBlock; b < endBlock; b++) {
      for (int i = 0; i < runs(b).size(); i++) {
        Run run = runs(b).get(i);
        layout.add(firstRun[b] + i, run.depth, matrices * run.copies);
      }
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
    Run run = run(layout.run(part));
    long matrix = firstMatrix + layout.number(part);
    for (DepthBlock.Segment segment : run.segments) {
      segment.packLhs(matrix, firstRow + from, count, scratch.shared(), at - run.at);
    }
    padLhs(count, run.depth, scratch.shared(), at);
  }

  private Run run(int number) {
    int block = firstBlock;
    while (firstRun[block + 1] <= number) {
      block++;
    }
    return runs(block).get(number - firstRun[block]);
  }

  /** The runs of a block of depth. */
  final List<Run> runs(int block) {
    return runs.get(block);
  }

  /** Where the rows of run {@code i} of a block begin, for a matrix of the chunk and a panel. */
  final int lhsAt(int block, int i, int matrix, int panel) {
    int number = runs(block).get(i).copies > 1 ? columns.block(panel) : matrix;
    return layout.at(firstRun[block] + i, number);
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
