package dev.granula.cuda;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Rotary embedding and causal attention. The kernels of attention are compiled for the size of a
 * head, with the largest tiles whose rows fit into 48 KB of shared memory.
 */
final class Attention {
  private static final String FILE = "attention.cu";
  private static final long SHARED_BYTES = 48 << 10;
  private static final int LARGEST_TILE = 32;
  private static final int SMALLEST_TILE = 4;
  private static final int LARGEST_SIDE = 16;
  private static final int DELTA_THREADS = 256;

  /** Tiles of rows and of scores that a kernel holds. */
  private enum Use {
    FORWARD(2, 1),
    BACKWARD(4, 2);

    final int tiles;
    final int scores;

    Use(int tiles, int scores) {
      this.tiles = tiles;
      this.scores = scores;
    }
  }

  /** What forward and backward read. */
  private record Problem(Tensor q, Tensor k, Tensor v, @Nullable Tensor firstKey, double scale) {
    long[] words() {
      return concat(
          heads(q),
          heads(k),
          heads(v),
          new long[] {
            firstKey == null ? 0 : Launch.address(firstKey),
            firstKey == null ? 0 : firstKey.stride(0),
            firstKey == null ? 0 : firstKey.stride(1),
            ints(q.shape().dim(1), k.shape().dim(1)),
            ints(q.shape().dim(2), k.shape().dim(2)),
            Double.doubleToRawLongBits(scale)
          });
    }
  }

  private final Device device;
  private final Kernels kernels;
  private final Faults faults;

  Attention(Device device, Kernels kernels, Faults faults) {
    this.device = device;
    this.kernels = kernels;
    this.faults = faults;
  }

  void rotary(
      Tensor x,
      Tensor positions,
      Tensor cos,
      Tensor sin,
      boolean inverse,
      Tensor out,
      Write write) {
    Launch.requireOn(device, "rotary", x, out);
    long half = x.shape().dim(3) / 2;
    long pairs = x.shape().slice(0, 3).elementCount() * half;
    kernels
        .launch("rotary.cu", "rotary", x.dtype())
        .words(concat(heads(x), new long[] {x.stride(3)}))
        .view(positions)
        .rows(cos)
        .rows(sin)
        .words(pairs)
        .integer((int) x.shape().dim(1))
        .integer((int) x.shape().dim(2))
        .integer((int) half)
        .words(cos.shape().dim(0))
        .flag(inverse)
        .words(concat(heads(out), new long[] {out.stride(3)}))
        .write(write)
        .words(faults.address())
        .runElements(pairs);
  }

  void attention(
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor firstKey,
      double scale,
      Tensor out,
      Tensor lse) {
    Launch.requireOn(device, "attention", q, k, v, firstKey, out, lse);
    int tile = tile(q, Use.FORWARD);
    launch(new Problem(q, k, v, firstKey, scale), tile, "attention")
        .words(heads(out))
        .words(statistics(lse))
        .run(tiles(q, tile), q.shape().dim(2), q.shape().dim(0), threads(tile));
  }

  void attentionGrad(
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor firstKey,
      double scale,
      Tensor out,
      Tensor lse,
      Tensor g,
      @Nullable Tensor dq,
      Write dqWrite,
      @Nullable Tensor dk,
      Write dkWrite,
      @Nullable Tensor dv,
      Write dvWrite) {
    Launch.requireOn(device, "attentionGrad", q, k, v, firstKey, out, lse, g, dq, dk, dv);
    Problem problem = new Problem(q, k, v, firstKey, scale);
    int tile = tile(q, Use.BACKWARD);
    long batch = q.shape().dim(0);
    long heads = q.shape().dim(2);
    try (Scope _ = device.memory().scratch()) {
      Tensor delta = Tensor.empty(device, q.dtype(), Shape.of(batch, heads, q.shape().dim(1)));
      launch(problem, tile, "attentionDelta")
          .words(heads(out))
          .words(heads(g))
          .words(statistics(delta))
          .run((q.shape().dim(1) + DELTA_THREADS - 1) / DELTA_THREADS, heads, batch, DELTA_THREADS);
      if (dq != null) {
        launch(problem, tile, "attentionQueryGrad")
            .words(statistics(lse))
            .words(statistics(delta))
            .words(heads(g))
            .words(heads(dq))
            .write(dqWrite)
            .run(tiles(q, tile), heads, batch, threads(tile));
      }
      if (dk != null || dv != null) {
        launch(problem, tile, "attentionKeyGrad")
            .words(statistics(lse))
            .words(statistics(delta))
            .words(heads(g))
            .words(heads(dk))
            .write(dkWrite)
            .words(heads(dv))
            .write(dvWrite)
            .run(tiles(k, tile), k.shape().dim(2), batch, threads(tile));
      }
    }
  }

  private Launch launch(Problem problem, int tile, String kernel) {
    return kernels
        .launch(FILE, kernel, problem.q.dtype(), "HEAD=" + problem.q.shape().dim(3), "TILE=" + tile)
        .words(problem.words());
  }

  private static int tile(Tensor q, Use use) {
    long size = q.shape().dim(3);
    int bytes = q.dtype() == DType.F64 ? Double.BYTES : Float.BYTES;
    for (int tile = LARGEST_TILE; tile >= SMALLEST_TILE; tile /= 2) {
      long rows = use.tiles * tile * (size + 1);
      long scores = (long) use.scores * tile * (tile + 1);
      long statistics = 3L * tile;
      if ((rows + scores + statistics) * bytes <= SHARED_BYTES) {
        return tile;
      }
    }
    throw new DeviceException(
        "attention: heads of %d elements do not fit into %d bytes of shared memory"
            .formatted(size, SHARED_BYTES));
  }

  private static int threads(int tile) {
    int side = Math.min(tile, LARGEST_SIDE);
    return side * side;
  }

  /** Tiles over dimension 1 of [B, T, H, D]. */
  private static long tiles(Tensor tensor, int tile) {
    return (tensor.shape().dim(1) + tile - 1) / tile;
  }

  /** {@code struct Heads} of [B, T, H, D]; null has no data. */
  private static long[] heads(@Nullable Tensor t) {
    return t == null
        ? new long[4]
        : new long[] {Launch.address(t), t.stride(0), t.stride(1), t.stride(2)};
  }

  /** {@code struct Heads} of [B, H, T]. */
  private static long[] statistics(Tensor t) {
    return new long[] {Launch.address(t), t.stride(0), t.stride(2), t.stride(1)};
  }

  /** Two neighbouring ints of a structure, the lower one first. */
  private static long ints(long low, long high) {
    return Math.toIntExact(low) | (long) Math.toIntExact(high) << Integer.SIZE;
  }

  private static long[] concat(long[]... parts) {
    return Arrays.stream(parts).flatMapToLong(Arrays::stream).toArray();
  }
}
