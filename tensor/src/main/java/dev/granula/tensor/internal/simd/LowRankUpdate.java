package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.COLS;
import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulKernel.ROW_MULTIPLE;
import static dev.granula.tensor.internal.simd.MatmulScratch.SUMS;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What a low-rank product adds to the right-hand side of a term with the same left-hand side: with
 * the depth in k blocks n, the columns in k blocks j and the rank r in k runs,
 *
 * <pre>{@code
 * rhs[block n, block j] += scale * down_n[:, run j] up_j[run n, :]
 * }</pre>
 *
 * It takes r/k multiply-adds for each element packed, where a product takes r for each one of the
 * result, and is added to panels once they are packed. Each element is one chain that starts from
 * what was packed, so that it does not depend on how tasks cut the panels.
 *
 * @param down [k, K/k, r], F32
 * @param up [k, r, N/k]
 */
record LowRankUpdate(Matrix down, Matrix up, float scale) {
  /** Rows of {@link #down} that are packed at a time: whole tiles of either kind. */
  private static final int ROWS = 4 * ROW_MULTIPLE;

  private static final int LHS_FLOATS = ROWS * LHS_STRIDE;

  /**
   * What a multiply-add costs here, where tiles are short and panels are visited once more, in
   * multiply-adds of a product.
   */
  private static final double COST = 2.5;

  /** Rows beyond these may meet panels that are packed, and updated, once more. */
  private static final int ROWS_OF_PANELS = 1024;

  /** The update by which {@code product} adds to {@code base}, or null where it does not pay. */
  static @Nullable LowRankUpdate of(Backend.Product product, Backend.Product base) {
    Backend.LowRank origin = product.lowRank();
    return origin != null && fits(product, origin, base) && pays(origin)
        ? new LowRankUpdate(origin.down(), product.b(), (float) (origin.scale() * product.scale()))
        : null;
  }

  private static boolean fits(
      Backend.Product product, Backend.LowRank origin, Backend.Product base) {
    return origin.x().equals(base.a())
        && base.a().batch() == 1
        && base.scale() == 1
        && origin.down().tensor().dtype() == DType.F32
        && product.b().rows().size() / product.b().batch() <= MatmulKernel.MAX_DEPTH;
  }

  private static boolean pays(Backend.LowRank origin) {
    long rows = Math.min(origin.x().rows().size(), ROWS_OF_PANELS);
    return rows >= COST * origin.down().rows().size();
  }

  /** One of the k by k blocks of the right-hand side. */
  private record Block(int n, int j) {}

  /**
   * Where a worker packs: left-hand rows, and behind them a panel of {@link #up} for each panel.
   */
  private record Room(float[] floats, float[] tile) {
    static final int LHS = AlignedFloats.FIRST;
    static final int RHS = LHS + LHS_FLOATS;
  }

  /** Updates {@code depth} rows of a strip, of which the first is row {@code row}. */
  void addTo(PanelStrip strip, long row, int depth, MatmulScratch scratch, int worker) {
    long height = down.rows().size();
    long width = up.cols().size();
    Room room = room(strip, scratch, worker);
    for (int r = 0, rows; r < depth; r += rows) {
      int n = Math.toIntExact((row + r) / height);
      rows = (int) Math.min(depth - r, (n + 1) * height - row - r);
      for (int c = 0, cols; c < strip.cols(); c += cols) {
        int j = Math.toIntExact((strip.col() + c) / width);
        cols = (int) Math.min(strip.cols() - c, (j + 1) * width - strip.col() - c);
        Block block = new Block(n, j);
        packUp(block, strip, c, cols, room);
        addRows(block, strip, row, r, rows, c, cols, room);
      }
    }
  }

  private Room room(PanelStrip strip, MatmulScratch scratch, int worker) {
    int rhs = BlockedProduct.ceilDiv(strip.cols(), COLS) * run() * COLS;
    return new Room(
        scratch.updates(worker, Room.RHS + rhs), scratch.sums(worker, MatmulKernel.TILE_FLOATS));
  }

  /** r/k. */
  int run() {
    return (int) (up.rows().size() / up.batch());
  }

  /** Columns of a panel outside of the block get zeros. */
  private void packUp(Block block, PanelStrip strip, int col, int cols, Room room) {
    Packing packing = Packing.of(up, block.j);
    long first = strip.col() - block.j * up.cols().size();
    for (int p = col / COLS; p * COLS < col + cols; p++) {
      int from = Math.max(col, p * COLS);
      int width = Math.min(col + cols, p * COLS + strip.width(p)) - from;
      int stride = strip.stride(p);
      int to = upAt(p, col);
      if (width < stride) {
        Arrays.fill(room.floats, to, to + run() * stride, 0);
      }
      int at = to + from - p * COLS;
      packing.copy((long) block.n * run(), run(), first + from, width, room.floats, at, stride);
    }
  }

  /** Where the factor of a panel lies, for columns from {@code col} on. */
  private int upAt(int panel, int col) {
    return Room.RHS + (panel - col / COLS) * run() * COLS;
  }

  private void addRows(
      Block block, PanelStrip strip, long row, int first, int rows, int col, int cols, Room room) {
    Packing packing = Packing.of(down, block.n);
    long top = row - block.n * down.rows().size();
    for (int r = first, count; r < first + rows; r += count) {
      count = Math.min(ROWS, first + rows - r);
      packing.copy(
          top + r, count, (long) block.j * run(), run(), room.floats, Room.LHS, LHS_STRIDE);
      DepthBlock.scale(room.floats, Room.LHS, count, run(), scale);
      BlockedProduct.padLhs(count, run(), room.floats, Room.LHS);
      for (int p = col / COLS; p * COLS < col + cols; p++) {
        addTiles(strip, p, r, count, upAt(p, col), room);
      }
    }
  }

  /** A tile that is not whole goes by way of a scratch one: others may write what lies below. */
  private void addTiles(PanelStrip strip, int panel, int row, int count, int up, Room room) {
    int stride = strip.stride(panel);
    int tileRows = MatmulKernel.rows(stride);
    float[] floats = strip.floats();
    for (int i = 0; i < count; i += tileRows) {
      int at = strip.place(panel, row + i);
      int lhs = Room.LHS + i * LHS_STRIDE;
      if (i + tileRows <= count) {
        MatmulKernel.tile(stride, room.floats, lhs, room.floats, up, run(), floats, at, at);
      } else {
        int rest = (count - i) * stride;
        System.arraycopy(floats, at, room.tile, SUMS, rest);
        MatmulKernel.tile(stride, room.floats, lhs, room.floats, up, run(), room.tile, SUMS, SUMS);
        System.arraycopy(room.tile, SUMS, floats, at, rest);
      }
    }
  }
}
