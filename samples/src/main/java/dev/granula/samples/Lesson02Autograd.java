package dev.granula.samples;

import dev.granula.autograd.Variable;
import dev.granula.tensor.Device;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.Cpu;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.Objects;

/**
 * Lesson 2: a variable remembers how it was computed. {@code backward} walks that graph from the
 * result and multiplies by each operation's derivative: the chain rule, once per node.
 */
public final class Lesson02Autograd {
  private Lesson02Autograd() {}

  public static void main(String[] args) {
    run(System.out);
  }

  static void run(PrintStream out) {
    Device device = Cpu.device();

    // f(w) = sum(w^2), so df/dw = 2 w.
    Variable w = Variable.leaf(Tensor.of(device, new float[] {1, -2, 3}, 3));
    w.mul(w).sum().backward();
    out.println("d sum(w^2) / dw = " + gradient(w));

    // y = x W^T, loss = sum(y g): dL/dW = g^T x, the outer product that LoRA will factor.
    Variable x = Variable.constant(Tensor.of(device, new float[] {1, 2, 3}, 1, 3));
    Variable weight = Variable.leaf(Tensor.of(device, new float[] {1, 0, 0, 0, 1, 0}, 2, 3));
    Variable y = x.linear(weight, null);
    y.backward(Tensor.of(device, new float[] {1, 10}, 1, 2));
    out.println("dL/dW = g^T x   = " + gradient(weight));

    // What needs no gradient is a constant and costs nothing: x has none.
    out.println("dL/dx           = " + x.grad());
  }

  private static String gradient(Variable variable) {
    return Arrays.toString(Objects.requireNonNull(variable.grad()).toFloatArray());
  }
}
