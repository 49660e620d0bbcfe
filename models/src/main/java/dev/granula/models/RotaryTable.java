package dev.granula.models;

import dev.granula.tensor.Device;
import dev.granula.tensor.Tensor;
import java.util.function.DoubleUnaryOperator;

/**
 * Cosines and sines of the rotary embedding, [P, D/2] in F32 for as many positions P as were needed
 * so far. Angles are rounded to F32 as transformers does, since models were trained with them.
 */
final class RotaryTable {
  private static final int FIRST_POSITIONS = 256;

  private final float[] frequencies;
  private final Device device;
  private Tensor cos;
  private Tensor sin;

  RotaryTable(ModelConfig config, Device device) {
    this.device = device;
    frequencies = new float[config.headDim() / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = (float) config.rope().frequency(i, frequencies.length);
    }
    cos = table(FIRST_POSITIONS, Math::cos);
    sin = table(FIRST_POSITIONS, Math::sin);
  }

  /** Makes the tables reach {@code position}. */
  void reach(int position) {
    if (position >= cos.shape().dim(0)) {
      int positions = Math.toIntExact(2L * Integer.highestOneBit(position));
      cos = table(positions, Math::cos);
      sin = table(positions, Math::sin);
    }
  }

  Tensor cos() {
    return cos;
  }

  Tensor sin() {
    return sin;
  }

  private Tensor table(int positions, DoubleUnaryOperator function) {
    float[] values = new float[Math.multiplyExact(positions, frequencies.length)];
    for (int i = 0; i < values.length; i++) {
      float angle = (i / frequencies.length) * frequencies[i % frequencies.length];
      values[i] = (float) function.applyAsDouble(angle);
    }
    try (var _ = device.memory().step()) {
      return Tensor.of(device, values, positions, frequencies.length).persistent();
    }
  }
}
