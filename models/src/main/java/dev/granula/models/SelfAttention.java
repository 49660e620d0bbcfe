package dev.granula.models;

import dev.granula.autograd.Variable;
import dev.granula.nn.Layer;
import dev.granula.nn.Module;
import dev.granula.nn.Slot;

/** Causal attention with grouped queries and rotary positions; only views between the products. */
final class SelfAttention extends Module {
  private final Slot<Layer> queryProjection;
  private final Slot<Layer> keyProjection;
  private final Slot<Layer> valueProjection;
  private final Slot<Layer> outputProjection;
  private final int layer;
  private final int heads;
  private final int keyValueHeads;
  private final int headDim;

  SelfAttention(ModelConfig config, int layer, Weights weights) {
    this.layer = layer;
    heads = config.heads();
    keyValueHeads = config.keyValueHeads();
    headDim = config.headDim();
    queryProjection = slot("q_proj", weights.linear("q_proj"));
    keyProjection = slot("k_proj", weights.linear("k_proj"));
    valueProjection = slot("v_proj", weights.linear("v_proj"));
    outputProjection = slot("o_proj", weights.linear("o_proj"));
  }

  /** {@code x} [B, T, hidden]; the result has the same shape. */
  Variable forward(Variable x, Sequences sequences) {
    Variable queries = rotate(split(queryProjection.get().forward(x), heads), sequences);
    Variable keys = rotate(split(keyProjection.get().forward(x), keyValueHeads), sequences);
    Variable values = split(valueProjection.get().forward(x), keyValueHeads);
    KeyValueCache cache = sequences.cache();
    if (cache != null) {
      keys = cache.appendKeys(layer, keys);
      values = cache.appendValues(layer, values);
    }
    Variable mixed = queries.attention(keys, values, sequences.firstKey(), 1 / Math.sqrt(headDim));
    return outputProjection
        .get()
        .forward(mixed.reshape(x.shape().dim(0), x.shape().dim(1), (long) heads * headDim));
  }

  /** [B, T, count * D] as [B, T, count, D]. */
  private Variable split(Variable x, int count) {
    return x.reshape(x.shape().dim(0), x.shape().dim(1), count, headDim);
  }

  private static Variable rotate(Variable x, Sequences sequences) {
    return x.rotary(sequences.positions(), sequences.cos(), sequences.sin());
  }
}
