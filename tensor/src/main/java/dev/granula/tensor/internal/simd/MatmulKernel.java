package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.Simd.LANES;

import java.util.List;
import java.util.stream.IntStream;

/**
 * The innermost part of every product: one tile of the result, from packed panels. How large a tile
 * may be is a matter of vector registers: 32 with 512 bits, else 16.
 *
 * <p>Tiles count left-hand elements instead of steps in depth: C2 then has fewer sums to compute
 * for addresses, which share the processor's front end with the multiply-adds.
 *
 * <p>Each tile method exceeds 325 bytecodes, so that C2 never inlines it: inlined at a second call
 * site it would share registers with its caller and spill.
 */
final class MatmulKernel {
  private static final boolean WIDE = LANES == 16;

  /** Rows of a tile. */
  static final int ROWS = WIDE ? Tile6x4.ROWS : Tile4x2.ROWS;

  /** Columns of a tile. */
  static final int COLS = WIDE ? Tile6x4.COLS : Tile4x2.COLS;

  /** Rows of the tile for panels of at most {@link #NARROW_COLS} columns. */
  static final int NARROW_ROWS = WIDE ? Tile12x2.ROWS : Tile4x2.ROWS;

  /** Columns of a narrow tile. */
  static final int NARROW_COLS = WIDE ? Tile12x2.COLS : Tile4x2.COLS;

  /** Left-hand rows that whole tiles of either kind cover: a multiple of this. */
  static final int ROW_MULTIPLE = WIDE ? 12 : 4;

  /** Floats of the larger tile. */
  static final int TILE_FLOATS = Math.max(ROWS * COLS, NARROW_ROWS * NARROW_COLS);

  /**
   * Largest depth of a segment, into which the depth of a term is cut. Each block of them visits
   * the result once more, which costs more than what a deeper panel, 256 KiB with 512 bits, takes
   * of the second-level cache. Blocks decide where the chain of fused multiply-adds of a result is
   * cut, hence its bits, so this is the same for every vector width.
   */
  static final int DEPTH = 1024;

  /** Largest depth of a packed block: ranks of together 128 join a segment of any depth. */
  static final int MAX_DEPTH = DEPTH + 128;

  /**
   * Distance of rows in a left-hand panel. A constant, or C2 would not fold it into addresses; one
   * cache line more than {@link #MAX_DEPTH}, so that rows do not compete for the same cache sets.
   */
  static final int LHS_STRIDE = MAX_DEPTH + 16;

  private MatmulKernel() {}

  static List<Runnable> rehearsals() {
    int rhs = ROW_MULTIPLE * LHS_STRIDE;
    int from = rhs + Rehearsal.DEPTH * COLS;
    int at = from + TILE_FLOATS;
    float[] f = new float[at + TILE_FLOATS];
    return IntStream.of(COLS, NARROW_COLS)
        .distinct()
        .<Runnable>mapToObj(
            stride -> () -> tile(stride, f, 0, f, rhs, Rehearsal.DEPTH, f, from, at))
        .toList();
  }

  /** Rows of the tile for a panel of {@code cols} columns. */
  static int rows(int cols) {
    return cols <= NARROW_COLS ? NARROW_ROWS : ROWS;
  }

  /** Distance of rows in a right-hand panel, and in its tiles, of {@code cols} columns. */
  static int stride(int cols) {
    return cols <= NARROW_COLS ? NARROW_COLS : COLS;
  }

  /**
   * {@code tile = start + lhs rhs}; element (r, c) is one chain of fused multiply-adds in order of
   * k. A product that is cut in depth has the bits of the whole where each part starts from the
   * tile of the one before.
   *
   * @param stride {@link #stride} of the panel; it selects the kind of tile
   * @param lhs element (r, k) at {@code l + r * LHS_STRIDE + k}
   * @param rhs element (k, c) at {@code r + k * stride + c}
   * @param tile element (r, c) of the start at {@code from + r * stride + c}, and of the tile at
   *     {@code at + r * stride + c}
   */
  static void tile(
      int stride,
      float[] lhs,
      int l,
      float[] rhs,
      int r,
      int depth,
      float[] tile,
      int from,
      int at) {
    if (!WIDE) {
      Tile4x2.tile(lhs, l, rhs, r, depth, tile, from, at);
    } else if (stride == COLS) {
      Tile6x4.tile(lhs, l, rhs, r, depth, tile, from, at);
    } else {
      Tile12x2.tile(lhs, l, rhs, r, depth, tile, from, at);
    }
  }
}
