package dev.granula.bench;

import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.Arrays;

/**
 * Speed of matrix products in GFLOP/s: medians over rounds that take the forms in turn, so that
 * what else runs on the machine falls on all of them.
 *
 * <p>Arguments: number of threads (2), rounds (15).
 */
public final class ProductSpeed {
  private static final long[][] TRAINING_SHAPES = {
    {1024, 512, 512},
    {1024, 1376, 512},
    {1024, 512, 1376},
    {1024, 8192, 512},
    {256, 896, 896},
    {256, 4864, 896},
    {256, 896, 4864},
    {256, 128, 896},
    {2048, 2048, 2048}
  };

  /** Adapters of depth 32, small batches and single rows. */
  private static final long[][] SMALL_SHAPES = {
    {1024, 32, 512},
    {1024, 512, 32},
    {1024, 16, 256},
    {512, 32, 1024},
    {64, 896, 896},
    {16, 4864, 896},
    {4, 4864, 896},
    {1, 4864, 896},
    {1, 896, 4864},
    {1, 32768, 896}
  };

  private static final double LEAST_FLOP_PER_SAMPLE = 4e8;

  private enum Form {
    AB,
    ABT,
    AB_BF16,
    ABT_BF16,
    ATB
  }

  private ProductSpeed() {}

  public static void main(String[] args) {
    int threads = args.length > 0 ? Integer.parseInt(args[0]) : 2;
    int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 15;
    try (CpuDevice device = CpuDevice.of("simd", threads, Memory.Debug.OFF)) {
      System.out.printf("%s, %d threads, GFLOP/s%n", device.backend().name(), threads);
      System.out.printf("%-18s", "rows x cols x depth");
      for (Form form : Form.values()) {
        System.out.printf("%10s", form);
      }
      System.out.println();
      table(device, SMALL_SHAPES, rounds);
      table(device, TRAINING_SHAPES, rounds);
    }
  }

  private static void table(CpuDevice device, long[][] shapes, int rounds) {
    Form[] forms = Form.values();
    double[] logs = new double[forms.length];
    for (long[] shape : shapes) {
      double[] speeds = measure(device, shape[0], shape[1], shape[2], rounds);
      System.out.printf("%-18s", shape[0] + " x " + shape[1] + " x " + shape[2]);
      for (int f = 0; f < forms.length; f++) {
        System.out.printf("%10.1f", speeds[f]);
        logs[f] += Math.log(speeds[f]) / shapes.length;
      }
      System.out.println();
    }
    System.out.printf("%-18s", "geometric mean");
    for (double log : logs) {
      System.out.printf("%10.1f", Math.exp(log));
    }
    System.out.println();
  }

  private static double[] measure(CpuDevice device, long m, long n, long k, int rounds) {
    Form[] forms = Form.values();
    double[][] samples = new double[forms.length][rounds];
    double flop = 2.0 * m * n * k;
    int repeats = (int) Math.max(1, LEAST_FLOP_PER_SAMPLE / flop);
    try (var _ = device.memory().step()) {
      Runnable[] products = new Runnable[forms.length];
      for (Form form : forms) {
        products[form.ordinal()] = product(device, form, m, n, k);
      }
      for (int round = -3; round < rounds; round++) {
        for (Form form : forms) {
          Runnable product = products[form.ordinal()];
          product.run();
          long start = System.nanoTime();
          for (int i = 0; i < repeats; i++) {
            product.run();
          }
          long nanos = System.nanoTime() - start;
          if (round >= 0) {
            samples[form.ordinal()][round] = repeats * flop / nanos;
          }
        }
      }
    }
    return Arrays.stream(samples).mapToDouble(ProductSpeed::median).toArray();
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }

  private static Runnable product(CpuDevice device, Form form, long m, long n, long k) {
    boolean bf16 = form == Form.AB_BF16 || form == Form.ABT_BF16;
    Matrix a = matrix(device, DType.F32, m, k, form == Form.ATB);
    boolean transposed = form == Form.ABT || form == Form.ABT_BF16;
    Matrix b = matrix(device, bf16 ? DType.BF16 : DType.F32, k, n, transposed);
    Matrix out = matrix(device, DType.F32, m, n, false);
    return () -> device.backend().matmul(a, b, out, 1, Write.SET);
  }

  private static Matrix matrix(
      CpuDevice device, DType dtype, long rows, long cols, boolean transposed) {
    Tensor tensor =
        Tensor.empty(device, dtype, transposed ? Shape.of(cols, rows) : Shape.of(rows, cols));
    device.backend().uniform(7, 0, tensor);
    return transposed ? Matrix.of(tensor).transpose() : Matrix.of(tensor);
  }
}
