package dev.granula.tensor.conformance;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleSupplier;

/**
 * One execution of a case on one device. Two runs with the same seed hand out the same values in
 * the same order, whatever the device. Views of what is handed out make strided operands; since a
 * whole output is compared, a kernel that writes beside its view is found.
 */
public final class Run {
  private final Device device;
  private final Device host;
  private final Random random;
  private final List<Tensor> outputs = new ArrayList<>();

  Run(Device device, Device host, long seed) {
    this.device = device;
    this.host = host;
    this.random = new Random(seed);
  }

  public Backend backend() {
    return device.backend();
  }

  /** Standard normal values, rounded to {@code dtype}. */
  public Tensor normal(DType dtype, long... dims) {
    return make(dtype, random::nextGaussian, dims);
  }

  /** Values in [low, high), rounded to {@code dtype}. */
  public Tensor uniform(DType dtype, double low, double high, long... dims) {
    return make(dtype, () -> low + (high - low) * random.nextDouble(), dims);
  }

  /** I32 values in [low, high). */
  public Tensor indices(int low, int high, long... dims) {
    return make(DType.I32, () -> random.nextInt(low, high), dims);
  }

  /** The given values in row-major order. */
  public Tensor values(DType dtype, double[] values, long... dims) {
    int[] next = {0};
    return make(dtype, () -> values[next[0]++], dims);
  }

  /** A tensor to be compared; NaN where the kernel must not read, random values where it adds. */
  public Tensor output(Write write, DType dtype, long... dims) {
    return compared(write == Write.ADD ? normal(dtype, dims) : make(dtype, () -> Double.NaN, dims));
  }

  /** Marks a tensor that a kernel changes in place as one to be compared. */
  public Tensor compared(Tensor tensor) {
    outputs.add(tensor);
    return tensor;
  }

  /** The values of the outputs, in the order in which the case asked for them. */
  List<double[]> results() {
    return outputs.stream()
        .map(output -> device == host ? output : output.to(host))
        .map(Tensor::toDoubleArray)
        .toList();
  }

  private Tensor make(DType dtype, DoubleSupplier next, long... dims) {
    Tensor tensor = Tensor.empty(host, dtype, Shape.of(dims));
    for (long i = 0; i < tensor.elementCount(); i++) {
      tensor.store(i, next.getAsDouble());
    }
    return device == host ? tensor : tensor.to(device);
  }
}
