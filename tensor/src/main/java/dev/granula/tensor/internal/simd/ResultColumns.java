package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.COLS;

/**
 * The columns of a result, in equal blocks, each cut into panels of {@link MatmulKernel#COLS}
 * columns; the last one of a block may be narrower. Panels are counted through all blocks.
 */
record ResultColumns(long blockWidth, int panelsPerBlock, int panels) {
  static ResultColumns of(long columns, long blocks) {
    long blockWidth = columns / blocks;
    int panelsPerBlock = Math.toIntExact(Math.ceilDiv(blockWidth, COLS));
    return new ResultColumns(blockWidth, panelsPerBlock, Math.toIntExact(blocks * panelsPerBlock));
  }

  /** All columns. */
  long count() {
    return panels / panelsPerBlock * blockWidth;
  }

  int block(int panel) {
    return panel / panelsPerBlock;
  }

  /** First column of a panel, counted from the start of its block. */
  long inBlock(int panel) {
    return (long) (panel % panelsPerBlock) * COLS;
  }

  /** First column of a panel, counted from the start of the result. */
  long first(int panel) {
    return block(panel) * blockWidth + inBlock(panel);
  }

  int width(int panel) {
    return (int) Math.min(COLS, blockWidth - inBlock(panel));
  }

  /** Columns of panels {@code from} to {@code to - 1}, which lie in one block. */
  int width(int from, int to) {
    return (int) Math.min((long) (to - from) * COLS, blockWidth - inBlock(from));
  }
}
