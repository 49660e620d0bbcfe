package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The operands that both directions of attention read, and its sizes: q [B, T, H, D], k and v [B,
 * S, G, D]. The queries of a group of heads form one sequence of rows, the heads of one time step
 * next to each other: they read the same keys, and neighbours see almost the same ones.
 */
record AttentionCall(
    HeadRows q,
    HeadRows k,
    HeadRows v,
    @Nullable Tensor firstKey,
    float scale,
    int batch,
    int queries,
    int keys,
    int groups,
    int headsPerGroup,
    int size) {

  static AttentionCall of(Tensor q, Tensor k, Tensor v, @Nullable Tensor firstKey, double scale) {
    int groups = Math.toIntExact(k.shape().dim(2));
    return new AttentionCall(
        HeadRows.of(q),
        HeadRows.of(k),
        HeadRows.of(v),
        firstKey,
        (float) scale,
        Math.toIntExact(q.shape().dim(0)),
        Math.toIntExact(q.shape().dim(1)),
        Math.toIntExact(k.shape().dim(1)),
        groups,
        groups == 0 ? 0 : Math.toIntExact(q.shape().dim(2)) / groups,
        Math.toIntExact(q.shape().dim(3)));
  }

  /** Strips of {@link AttentionTiles#STRIDE} columns that D takes. */
  int strips() {
    return (size + AttentionTiles.STRIDE - 1) / AttentionTiles.STRIDE;
  }

  /** First key that query t of sample b sees. */
  int firstVisible(int b, int t) {
    Tensor bounds = firstKey;
    if (bounds == null) {
      return 0;
    }
    return (int)
        Math.max(0, bounds.loadLong(bounds.offset() + b * bounds.stride(0) + t * bounds.stride(1)));
  }

  /** One more than the last key that query t sees. */
  int endOfVisible(int t) {
    return keys - queries + t + 1;
  }

  static int roundUp(int value, int multiple) {
    return (value + multiple - 1) / multiple * multiple;
  }
}
