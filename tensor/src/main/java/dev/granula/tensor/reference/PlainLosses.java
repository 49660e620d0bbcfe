package dev.granula.tensor.reference;

import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import org.jspecify.annotations.Nullable;

/** Cross-entropy of logits [N, V], and of an output head whose logits are formed here. */
final class PlainLosses {
  private PlainLosses() {}

  static void crossEntropy(Tensor logits, Tensor targets, double scale, Tensor loss, Tensor lse) {
    double sum = 0;
    for (long n = 0; n < logits.shape().dim(0); n++) {
      double rowLse = PlainSoftmax.logSumExp(logits, n);
      lse.store(lse.position(n), rowLse);
      long target = target(targets, n, logits.shape().dim(1));
      if (target >= 0) {
        sum += rowLse - logits.load(Plain.rowStart(logits, n) + target * logits.stride(1));
      }
    }
    loss.store(loss.offset(), scale * sum);
  }

  /**
   * {@code d(lse[n] - logits[n, target])/d(logits[n, i]) = softmax(logits[n])[i] - 1[i = target]}.
   */
  static void crossEntropyGrad(
      Tensor logits,
      Tensor targets,
      Tensor lse,
      double scale,
      Tensor g,
      Tensor dLogits,
      Write write) {
    double factor = Plain.scalar(g) * scale;
    for (long n = 0; n < logits.shape().dim(0); n++) {
      long target = target(targets, n, logits.shape().dim(1));
      double rowLse = lse.load(lse.position(n));
      long from = Plain.rowStart(logits, n);
      long to = Plain.rowStart(dLogits, n);
      for (long i = 0; i < logits.shape().dim(1); i++) {
        double p = Math.exp(logits.load(from + i * logits.stride(1)) - rowLse);
        double d = target < 0 ? 0 : factor * (i == target ? p - 1 : p);
        Plain.put(dLogits, to + i * dLogits.stride(1), d, write);
      }
    }
  }

  /** The definition: all logits, in F64 so that nothing is rounded in between. */
  static void headCrossEntropy(
      Tensor hidden,
      Tensor weight,
      Tensor targets,
      double scale,
      Tensor loss,
      Tensor lse,
      @Nullable Tensor dHidden) {
    try (Scope _ = hidden.device().memory().step()) {
      Tensor logits = logits(hidden, weight);
      crossEntropy(logits, targets, scale, loss, lse);
      if (dHidden != null) {
        Tensor one = Tensor.full(hidden.device(), DType.F64, Shape.scalar(), 1);
        Tensor dLogits = Tensor.empty(hidden.device(), DType.F64, logits.shape());
        crossEntropyGrad(logits, targets, lse, scale, one, dLogits, Write.SET);
        multiply(Matrix.of(dLogits), Matrix.of(weight), dHidden, Write.SET);
      }
    }
  }

  /** {@code dHidden = dLogits weight}, {@code dWeight = dLogits^T hidden}. */
  static void headCrossEntropyGrad(
      Tensor hidden,
      Tensor weight,
      Tensor targets,
      Tensor lse,
      double scale,
      Tensor g,
      @Nullable Tensor dHidden,
      Write dHiddenWrite,
      @Nullable Tensor dWeight,
      Write dWeightWrite) {
    try (Scope _ = hidden.device().memory().step()) {
      Tensor logits = logits(hidden, weight);
      Tensor dLogits = Tensor.empty(hidden.device(), DType.F64, logits.shape());
      crossEntropyGrad(logits, targets, lse, scale, g, dLogits, Write.SET);
      if (dHidden != null) {
        multiply(Matrix.of(dLogits), Matrix.of(weight), dHidden, dHiddenWrite);
      }
      if (dWeight != null) {
        multiply(Matrix.of(dLogits).transpose(), Matrix.of(hidden), dWeight, dWeightWrite);
      }
    }
  }

  private static Tensor logits(Tensor hidden, Tensor weight) {
    Shape shape = Shape.of(hidden.shape().dim(0), weight.shape().dim(0));
    Tensor logits = Tensor.empty(hidden.device(), DType.F64, shape);
    multiply(Matrix.of(hidden), Matrix.of(weight).transpose(), logits, Write.SET);
    return logits;
  }

  private static void multiply(Matrix a, Matrix b, Tensor out, Write write) {
    PlainMatmul.matmul(a, b, Matrix.of(out), 1, write);
  }

  /** A target below 0 leaves the row out. */
  private static long target(Tensor targets, long n, long vocabulary) {
    long target = targets.loadLong(targets.position(n));
    return target < 0 ? -1 : Plain.checkIndex("crossEntropy: target", target, vocabulary);
  }
}
