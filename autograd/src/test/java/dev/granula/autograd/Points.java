package dev.granula.autograd;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;

/** Random tensors on the reference device, whose freed memory turns to NaN. */
final class Points {
  static final Device DEVICE = CpuDevice.of("reference", 1, Memory.Debug.POISON);

  private final RandomStream random;

  Points(long seed) {
    random = new RandomStream(seed);
  }

  /** F64, uniform in [-2, 2). */
  Tensor any(long... dims) {
    return between(-2, 2, dims);
  }

  Tensor between(double low, double high, long... dims) {
    return random.uniform(DEVICE, DType.F64, Shape.of(dims), low, high);
  }

  /** The last two dimensions lie transposed in memory. */
  Tensor transposed(long... dims) {
    long[] stored = dims.clone();
    stored[dims.length - 1] = dims[dims.length - 2];
    stored[dims.length - 2] = dims[dims.length - 1];
    return any(stored).transpose(-1, -2);
  }

  /** Every dimension is a part of a longer one, with an offset. */
  Tensor sliced(long... dims) {
    long[] stored = dims.clone();
    for (int d = 0; d < dims.length; d++) {
      stored[d] += 3;
    }
    Tensor result = any(stored);
    for (int d = 0; d < dims.length; d++) {
      result = result.slice(d, 2, 2 + dims[d]);
    }
    return result;
  }

  static Tensor ids(int... values) {
    return Tensor.of(DEVICE, values, values.length);
  }

  static Tensor ids(int[] values, long... dims) {
    return Tensor.of(DEVICE, values, dims);
  }
}
