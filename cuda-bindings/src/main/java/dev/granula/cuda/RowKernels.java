package dev.granula.cuda;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import org.jspecify.annotations.Nullable;

/** Softmax and norms over the last dimension: one block for each row. */
final class RowKernels {
  private static final String SOFTMAX = "softmax.cu";
  private static final String NORMS = "norms.cu";
  private static final int COLUMNS = 32;

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
        .launch(NORMS, "normalize", out.dtype())
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
        .launch(NORMS, "normGrad", dx.dtype())
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
        .launch(NORMS, "normWeightGrad", dWeight.dtype())
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
