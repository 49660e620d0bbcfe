package dev.granula.samples;

import dev.granula.tensor.Device;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.Cpu;
import java.io.PrintStream;
import java.util.Arrays;

/**
 * Lesson 1: a tensor is a shape and strides over a piece of memory. Views share the memory; copies
 * do not.
 */
public final class Lesson01Tensors {
  private Lesson01Tensors() {}

  public static void main(String[] args) {
    run(System.out);
  }

  static void run(PrintStream out) {
    Device device = Cpu.device();
    Tensor x = Tensor.of(device, new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
    out.println("x            " + x.shape() + " strides " + Arrays.toString(x.strides()));

    // Transposing moves nothing: it walks the same memory with other strides.
    Tensor t = x.transpose(0, 1);
    out.println("x transposed " + t.shape() + " strides " + Arrays.toString(t.strides()));
    out.println("its rows     " + Arrays.toString(t.toFloatArray()));

    // A slice starts further on in the same memory; expanding uses a stride of 0.
    Tensor column = x.slice(1, 1, 2);
    out.println("column 1     " + Arrays.toString(column.toFloatArray()));
    Tensor row = Tensor.of(device, new float[] {7, 8, 9}, 1, 3).expand(x.shape());
    out.println("row, twice   " + Arrays.toString(row.toFloatArray()));

    // Inside a step memory comes from a pool and goes back at the end, unless it is kept.
    Tensor kept;
    try (var step = device.memory().step()) {
      Tensor inside = x.copy();
      kept = inside.persistent();
      out.println("in the step  " + device.memory().stats().usedBytes() + " bytes in use");
    }
    out.println("kept         " + Arrays.toString(kept.toFloatArray()));
  }
}
