package dev.granula.models;

import dev.granula.autograd.Variable;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Keys and values of the tokens that a model has seen, so that generation computes each only once:
 * [B, S, G, D] per layer for S tokens at most. It lives in the scope that is open where it is made.
 */
public final class KeyValueCache {
  private final List<Tensor> keys = new ArrayList<>();
  private final List<Tensor> values = new ArrayList<>();
  private final long capacity;
  private long length;

  public KeyValueCache(ModelConfig config, Device device, long batchSize, long capacity) {
    this.capacity = capacity;
    Shape shape = Shape.of(batchSize, capacity, config.keyValueHeads(), config.headDim());
    for (int i = 0; i < config.layers(); i++) {
      keys.add(Tensor.empty(device, DType.F32, shape));
      values.add(Tensor.empty(device, DType.F32, shape));
    }
  }

  /** Tokens seen so far. */
  public long length() {
    return length;
  }

  /** Tokens that there is room for. */
  public long capacity() {
    return capacity;
  }

  /** Stores the keys of new tokens [B, T, G, D]; returns all keys of the layer. */
  Variable appendKeys(int layer, Variable added) {
    return append(keys.get(layer), added.data());
  }

  /** Stores the values of new tokens [B, T, G, D]; returns all values of the layer. */
  Variable appendValues(int layer, Variable added) {
    return append(values.get(layer), added.data());
  }

  private Variable append(Tensor all, Tensor added) {
    long end = length + added.shape().dim(1);
    added.backend().copy(added, all.slice(1, length, end));
    return Variable.constant(all.slice(1, 0, end));
  }

  void checkRoom(long tokens) {
    if (length + tokens > capacity) {
      throw new ShapeException(
          "key-value cache: %d tokens do not fit behind %d, there is room for %d in all"
              .formatted(tokens, length, capacity));
    }
  }

  /** Ends a pass over {@code tokens} new tokens. */
  void advance(long tokens) {
    length += tokens;
  }
}
