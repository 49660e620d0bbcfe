package dev.granula.cuda;

import dev.granula.tensor.DType;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which kernels compute an attention, and how much of it a block takes. Those of tensor cores need
 * Ampere or later, F32, heads of a multiple of 8 up to 128 elements, and rows that start at
 * multiples of 16 bytes; the others take anything.
 *
 * @param rows queries, or keys in the gradient of the keys, of a block
 * @param deltaThreads threads that share the {@code g . out} of one query
 * @param sharedBytes dynamic shared memory of a block
 * @param byHead whether the gradient of keys and values comes for each head that reads them, to be
 *     added up
 */
record AttentionPlan(
    String file,
    String[] definitions,
    int rows,
    int threads,
    int deltaThreads,
    long sharedBytes,
    boolean byHead) {
  /** What every GPU gives a block without being asked. */
  private static final long STATIC_BYTES = 48 << 10;

  private static final int LARGEST_TILE = 32;
  private static final int SMALLEST_TILE = 4;
  private static final int LARGEST_SIDE = 16;

  /** The first with TF32 and its {@code mma.sync}. */
  private static final int MMA_CAPABILITY = 80;

  /** As in {@code attention_mma.cuh}. */
  private static final int MMA_WARPS = 4;

  private static final int LANES = 32;
  private static final int MMA_ROWS = 16 * MMA_WARPS;
  private static final int MMA_PADDING = 4;
  private static final int MMA_COLS = 32;

  /** Columns in the gradient where a block has the sums of more than {@link #MMA_WIDE_HEAD}. */
  private static final int MMA_FEW_COLS = 16;

  private static final int MMA_WIDE_HEAD = 96;
  private static final int MMA_STEP = 8;

  /** Beyond it the sums of a row do not fit into registers. */
  private static final int MMA_LARGEST_HEAD = 128;

  /** Log-sum-exp, delta and range of a query. */
  private static final int MMA_COLUMN_BYTES = 16;

  private static final int VECTOR_BYTES = 16;

  /** Tensors of which a block holds rows, and what it holds of scores. */
  enum Pass {
    FORWARD(".cu", 1, 2, 1),
    BACKWARD("_grad.cu", 2, 4, 2);

    final String suffix;
    final int owned;
    final int tiles;
    final int scores;

    Pass(String suffix, int owned, int tiles, int scores) {
      this.suffix = suffix;
      this.owned = owned;
      this.tiles = tiles;
      this.scores = scores;
    }
  }

  /**
   * @param tensors all of [B, T, H, D] that the kernels read or write
   */
  static AttentionPlan of(Pass pass, Gpu gpu, Precision precision, @Nullable Tensor... tensors) {
    Tensor q = Objects.requireNonNull(tensors[0]);
    if (gpu.computeCapability() >= MMA_CAPABILITY && fitsTensorCores(q, tensors)) {
      AttentionPlan plan = onTensorCores(pass, q, gpu.sharedBytes(), precision.tf32 ? 1 : 3);
      if (plan != null) {
        return plan;
      }
    }
    return ofTiles(pass, q);
  }

  private static boolean fitsTensorCores(Tensor q, @Nullable Tensor... tensors) {
    long size = q.shape().dim(3);
    boolean fits = q.dtype() == DType.F32 && size % MMA_STEP == 0 && size <= MMA_LARGEST_HEAD;
    for (Tensor tensor : tensors) {
      fits &= tensor == null || isAligned(tensor);
    }
    return fits;
  }

  private static boolean isAligned(Tensor t) {
    long elements = VECTOR_BYTES / t.dtype().byteSize();
    return Launch.address(t) % VECTOR_BYTES == 0
        && t.stride(0) % elements == 0
        && t.stride(1) % elements == 0
        && t.stride(1) <= Integer.MAX_VALUE
        && t.stride(2) % elements == 0;
  }

  private static @Nullable AttentionPlan onTensorCores(Pass pass, Tensor q, long limit, int terms) {
    long size = q.shape().dim(3);
    boolean wide = pass == Pass.BACKWARD && size > MMA_WIDE_HEAD;
    for (int cols = wide ? MMA_FEW_COLS : MMA_COLS; cols >= MMA_STEP; cols /= 2) {
      long rowsHeld = (long) pass.owned * MMA_ROWS + 2L * cols;
      long bytes = rowsHeld * (size + MMA_PADDING) * Float.BYTES;
      if (bytes + (long) cols * MMA_COLUMN_BYTES <= limit) {
        String[] definitions = {"HEAD=" + size, "COLS=" + cols, "TERMS=" + terms};
        return new AttentionPlan(
            "attention_mma" + pass.suffix,
            definitions,
            MMA_ROWS,
            LANES * MMA_WARPS,
            LANES,
            bytes,
            true);
      }
    }
    return null;
  }

  /** The largest tiles whose rows fit into shared memory. */
  private static AttentionPlan ofTiles(Pass pass, Tensor q) {
    long size = q.shape().dim(3);
    int bytes = q.dtype() == DType.F64 ? Double.BYTES : Float.BYTES;
    for (int tile = LARGEST_TILE; tile >= SMALLEST_TILE; tile /= 2) {
      long rows = pass.tiles * tile * (size + 1);
      long scores = (long) pass.scores * tile * (tile + 1);
      long statistics = 3L * tile;
      if ((rows + scores + statistics) * bytes <= STATIC_BYTES) {
        int side = Math.min(tile, LARGEST_SIDE);
        String[] definitions = {"HEAD=" + size, "TILE=" + tile};
        return new AttentionPlan(
            "attention_tiles" + pass.suffix, definitions, tile, side * side, 1, 0, false);
      }
    }
    throw new DeviceException(
        "attention: heads of %d elements do not fit into %d bytes of shared memory"
            .formatted(size, STATIC_BYTES));
  }

  /** Blocks over dimension 1 of [B, T, H, D]. */
  long blocks(Tensor tensor) {
    return (tensor.shape().dim(1) + rows - 1) / rows;
  }

  /** Blocks of the {@code g . out} of {@code q}. */
  long deltaBlocks(Tensor q) {
    int queries = threads / deltaThreads;
    return (q.shape().dim(1) + queries - 1) / queries;
  }
}
