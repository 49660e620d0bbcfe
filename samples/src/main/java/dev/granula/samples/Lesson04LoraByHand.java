package dev.granula.samples;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.Cpu;
import java.io.PrintStream;
import java.util.Objects;

/**
 * Lesson 4: LoRA in plain operations, and what is wrong with it. The weight W [O, I] stays frozen
 * and gets an update c B A of rank r, A [r, I], B [O, r]. A step along dA and dB moves the weight
 * by
 *
 * <pre>{@code
 * c (dB A + B dA) = c^2 (F A^T A + B B^T F),   F = dL/dW of full fine-tuning
 * }</pre>
 *
 * A^T A mixes all input channels: one loud channel of the input reaches every column of the update.
 * That is the gradient entanglement of arXiv 2505.20355.
 */
public final class Lesson04LoraByHand {
  static final int IN = 8;
  static final int OUT = 6;
  private static final int RANK = 2;
  private static final double SCALE = 2;

  private Lesson04LoraByHand() {}

  public static void main(String[] args) {
    run(System.out);
  }

  static void run(PrintStream out) {
    Device device = Cpu.device();
    double[][] quiet = step(device, 1);
    double[][] loud = step(device, 100);
    out.println("input channel 0 made 100 times louder: columns of the update that change");
    out.println("  LoRA " + changedColumns(quiet, loud) + " of " + IN);
  }

  /** The change of the fused weight by one step, with input channel 0 amplified. */
  static double[][] step(Device device, double loudness) {
    RandomStream random = new RandomStream(1);
    Variable w = Variable.constant(random.uniform(device, DType.F32, Shape.of(OUT, IN), -1, 1));
    Variable a = Variable.leaf(random.uniform(device, DType.F32, Shape.of(RANK, IN), -1, 1));
    Variable b = Variable.leaf(random.uniform(device, DType.F32, Shape.of(OUT, RANK), -1, 1));
    Variable x = Variable.constant(input(device, loudness));

    // y = x W^T + c (x A^T) B^T
    Variable y = x.linear(w, null).add(x.linear(a, null).linear(b, null).scale(SCALE));
    y.backward(upstream(device));

    Variable da = Variable.constant(Objects.requireNonNull(a.grad()));
    Variable db = Variable.constant(Objects.requireNonNull(b.grad()));
    return matrix(db.matmul(a).add(b.matmul(da)).scale(SCALE).data());
  }

  static Tensor input(Device device, double loudness) {
    float[] x =
        new RandomStream(2).uniform(device, DType.F32, Shape.of(4, IN), -1, 1).toFloatArray();
    for (int row = 0; row < 4; row++) {
      x[row * IN] *= (float) loudness;
    }
    return Tensor.of(device, x, 4, IN);
  }

  static Tensor upstream(Device device) {
    return new RandomStream(3).uniform(device, DType.F32, Shape.of(4, OUT), -1, 1);
  }

  static double[][] matrix(Tensor tensor) {
    double[] flat = tensor.toDoubleArray();
    double[][] rows = new double[OUT][IN];
    for (int i = 0; i < flat.length; i++) {
      rows[i / IN][i % IN] = flat[i];
    }
    return rows;
  }

  static int changedColumns(double[][] before, double[][] after) {
    int changed = 0;
    for (int col = 0; col < IN; col++) {
      boolean differs = false;
      for (int row = 0; row < OUT; row++) {
        differs |= before[row][col] != after[row][col];
      }
      changed += differs ? 1 : 0;
    }
    return changed;
  }
}
