package dev.granula.bench.work;

import dev.granula.autograd.Variable;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;

/** Causal attention of one sequence, forward and backward, 8 heads of 64. */
public final class AttentionPass implements Runnable {
  private static final long HEADS = 8;
  private static final long HEAD_DIM = 64;

  private final Device device;
  private final Variable query;
  private final Variable key;
  private final Variable value;
  private final Tensor gradient;

  public AttentionPass(Device device, int length) {
    this.device = device;
    query = Variable.leaf(random(length, 1));
    key = Variable.leaf(random(length, 2));
    value = Variable.leaf(random(length, 3));
    gradient = random(length, 4);
  }

  private Tensor random(int length, long seed) {
    Tensor tensor = Tensor.emptyPersistent(device, DType.F32, Shape.of(1, length, HEADS, HEAD_DIM));
    device.backend().uniform(seed, 0, tensor);
    return tensor;
  }

  @Override
  public void run() {
    try (var _ = device.memory().step()) {
      query.attention(key, value, null, 1 / Math.sqrt(HEAD_DIM)).backward(gradient);
      query.zeroGrad();
      key.zeroGrad();
      value.zeroGrad();
    }
  }
}
