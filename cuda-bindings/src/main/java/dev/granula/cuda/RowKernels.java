package dev.granula.cuda;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import org.jspecify.annotations.Nullable;

/** Softmax and norms over the last dimension: one block for each row. */
final class RowKernels {
  private static final String SOFTMAX = "softmax.cu";
  private static final String NORMS = "norms.cu";
  private static final int COLUMNS = 32;

  /** Parts of a row that a thread keeps in registers, by how many there are; none of more. */
  private static final String[] HELD = {"HELD=0", "HELD=1", "HELD=2", "HELD=3", "HELD=4"};

  private final Kernels kernels;

  RowKernels(Kernels kernels) {
    this.kernels = kernels;
  }

  private static long rows(Tensor tensor) {
    return tensor.shape().slice(0, tensor.shape().rank() - 1).elementCount();
  }

  void softmax(Tensor in, Tensor out, boolean logarithm) {
    kernels
        .launch(SOFTMAX, "softmax", out.dtype(), Access.macro(Access.ofRows(in)))
        .rows(in)
        .rows(out)
        .flag(logarithm)
        .run(rows(in));
  }

  void softmaxGrad(Tensor y, Tensor g, Tensor out, boolean logarithm, Write write) {
    kernels
        .launch(SOFTMAX, "softmaxGrad", out.dtype(), Access.macro(1))
        .rows(y)
        .rows(g)
        .rows(out)
        .flag(logarithm)
        .write(write)
        .run(rows(y));
  }

  /** How threads take the rows of {@code x} and of tensors with rows of that size. */
  private static String[] macros(Tensor x, @Nullable Tensor... others) {
    int width = Math.min(Access.ofRows(x), Access.ofRows(others));
    long parts = Math.ceilDiv(x.shape().dim(-1), (long) width * Launch.THREADS);
    return new String[] {Access.macro(width), HELD[parts < HELD.length ? (int) parts : 0]};
  }

  /** The layer norm, and without a mean the RMS norm. */
  void norm(
      Tensor x,
      Tensor weight,
      @Nullable Tensor bias,
      double eps,
      Tensor out,
      @Nullable Tensor mean,
      Tensor inverse) {
    kernels
        .launch(NORMS, "normalize", out.dtype(), macros(x, weight, bias, out))
        .rows(x)
        .view(weight)
        .view(bias)
        .real(out.dtype(), eps)
        .rows(out)
        .view(mean)
        .view(inverse)
        .run(rows(x));
  }

  void normGrad(
      Tensor x,
      Tensor weight,
      @Nullable Tensor mean,
      Tensor inverse,
      Tensor g,
      Tensor dx,
      Write write) {
    kernels
        .launch(NORMS, "normGrad", dx.dtype(), macros(x, weight, g, dx))
        .rows(x)
        .view(weight)
        .view(mean)
        .view(inverse)
        .rows(g)
        .rows(dx)
        .write(write)
        .run(rows(x));
  }

  void normWeightGrad(
      Tensor x, @Nullable Tensor mean, Tensor inverse, Tensor g, Tensor dWeight, Write write) {
    kernels
        .launch(NORMS, "normWeightGrad", dWeight.dtype(), macros(x))
        .rows(x)
        .view(mean)
        .view(inverse)
        .rows(g)
        .view(dWeight)
        .words(rows(x))
        .write(write)
        .run((dWeight.elementCount() + COLUMNS - 1) / COLUMNS);
  }
}
