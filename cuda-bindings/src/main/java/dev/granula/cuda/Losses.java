package dev.granula.cuda;

import dev.granula.tensor.Backend;
import dev.granula.tensor.Device;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import org.jspecify.annotations.Nullable;

/**
 * Cross-entropy of given logits, and of a head whose logits exist for a few rows at a time only.
 * With whole rows the softmax is exact at once, and a chunk gives its gradients before it goes.
 */
final class Losses {
  private static final String FILE = "softmax.cu";

  /** Logits that exist at a time. */
  private static final long LOGITS_BYTES = 256L << 20;

  /** Rows of the weight in one product, which bounds its widened copy where it is BF16. */
  private static final long VOCABULARY_CHUNK = 16_384;

  /** The head and its targets; logits are scaled by {@code scale * g}, g null means 1. */
  private record Head(
      Tensor hidden, Tensor weight, Tensor targets, Tensor lse, double scale, @Nullable Tensor g) {}

  private final Device device;
  private final Kernels kernels;
  private final Faults faults;

  Losses(Device device, Kernels kernels, Faults faults) {
    this.device = device;
    this.kernels = kernels;
    this.faults = faults;
  }

  void crossEntropy(Tensor logits, Tensor targets, double scale, Tensor loss, Tensor lse) {
    try (Scope _ = device.memory().scratch()) {
      Tensor rowLoss = Tensor.empty(device, loss.dtype(), Shape.of(logits.shape().dim(0)));
      rows(logits, targets, lse, rowLoss);
      total(rowLoss, scale, loss);
    }
  }

  private void rows(Tensor logits, Tensor targets, Tensor lse, Tensor rowLoss) {
    kernels
        .launch(FILE, "crossEntropy", logits.dtype())
        .rows(logits)
        .view(targets)
        .view(lse)
        .pointer(rowLoss)
        .words(faults.address())
        .run(logits.shape().dim(0));
  }

  private void total(Tensor rowLoss, double scale, Tensor loss) {
    device.backend().sum(rowLoss, loss.reshape(1), scale, Write.SET);
  }

  void crossEntropyGrad(
      Tensor logits,
      Tensor targets,
      Tensor lse,
      double scale,
      @Nullable Tensor g,
      Tensor dLogits,
      Write write) {
    kernels
        .launch(FILE, "crossEntropyGrad", logits.dtype())
        .rows(logits)
        .view(targets)
        .view(lse)
        .pointer(g)
        .real(logits.dtype(), scale)
        .rows(dLogits)
        .write(write)
        .run(logits.shape().dim(0));
  }

  void headCrossEntropy(
      Tensor hidden,
      Tensor weight,
      Tensor targets,
      double scale,
      Tensor loss,
      Tensor lse,
      @Nullable Tensor dHidden) {
    try (Scope _ = device.memory().scratch()) {
      Tensor rowLoss = Tensor.empty(device, loss.dtype(), Shape.of(hidden.shape().dim(0)));
      Head head = new Head(hidden, weight, targets, lse, scale, null);
      long chunk = rowsInChunk(hidden, weight);
      for (long from = 0; from < hidden.shape().dim(0); from += chunk) {
        long to = Math.min(hidden.shape().dim(0), from + chunk);
        try (Scope _ = device.memory().scratch()) {
          Tensor logits = logits(head, from, to);
          rows(
              logits,
              targets.slice(0, from, to),
              lse.slice(0, from, to),
              rowLoss.slice(0, from, to));
          if (dHidden != null) {
            slopes(head, logits, from, to);
            hiddenGrad(head, logits, dHidden.slice(0, from, to), Write.SET);
          }
        }
      }
      total(rowLoss, scale, loss);
    }
  }

  void headCrossEntropyGrad(
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
    Head head = new Head(hidden, weight, targets, lse, scale, g);
    Write weightWrite = dWeightWrite;
    long rows = hidden.shape().dim(0);
    long chunk = rowsInChunk(hidden, weight);
    for (long from = 0; from < rows; from += chunk) {
      long to = Math.min(rows, from + chunk);
      try (Scope _ = device.memory().scratch()) {
        Tensor logits = logits(head, from, to);
        slopes(head, logits, from, to);
        if (dHidden != null) {
          hiddenGrad(head, logits, dHidden.slice(0, from, to), dHiddenWrite);
        }
        if (dWeight != null) {
          Matrix d = Matrix.of(logits).transpose();
          Matrix h = Matrix.of(hidden.slice(0, from, to));
          device.backend().matmul(d, h, Matrix.of(dWeight), 1, weightWrite);
          weightWrite = Write.ADD;
        }
      }
    }
    if (rows == 0 && dWeight != null && dWeightWrite == Write.SET) {
      device.backend().fill(dWeight, 0);
    }
  }

  private static long rowsInChunk(Tensor hidden, Tensor weight) {
    long rowBytes = Math.max(1, weight.shape().dim(0) * hidden.dtype().byteSize());
    return Math.max(1, LOGITS_BYTES / rowBytes);
  }

  /** {@code hidden[from..to] weight^T}. */
  private Tensor logits(Head head, long from, long to) {
    Backend backend = device.backend();
    long vocabulary = head.weight.shape().dim(0);
    Tensor logits = Tensor.empty(device, head.hidden.dtype(), Shape.of(to - from, vocabulary));
    Matrix hidden = Matrix.of(head.hidden.slice(0, from, to));
    for (long v = 0; v < vocabulary; v += VOCABULARY_CHUNK) {
      long end = Math.min(vocabulary, v + VOCABULARY_CHUNK);
      Matrix weight = Matrix.of(head.weight.slice(0, v, end)).transpose();
      backend.matmul(hidden, weight, Matrix.of(logits.slice(1, v, end)), 1, Write.SET);
    }
    return logits;
  }

  /** Turns logits into their gradients, in place. */
  private void slopes(Head head, Tensor logits, long from, long to) {
    Tensor targets = head.targets.slice(0, from, to);
    Tensor lse = head.lse.slice(0, from, to);
    crossEntropyGrad(logits, targets, lse, head.scale, head.g, logits, Write.SET);
  }

  private void hiddenGrad(Head head, Tensor dLogits, Tensor dHidden, Write write) {
    long vocabulary = head.weight.shape().dim(0);
    for (long v = 0; v < vocabulary; v += VOCABULARY_CHUNK) {
      long end = Math.min(vocabulary, v + VOCABULARY_CHUNK);
      Matrix d = Matrix.of(dLogits.slice(1, v, end));
      Matrix weight = Matrix.of(head.weight.slice(0, v, end));
      Write chunkWrite = v == 0 ? write : Write.ADD;
      device.backend().matmul(d, weight, Matrix.of(dHidden), 1, chunkWrite);
    }
  }
}
