package dev.granula.cuda;

import static java.lang.Math.ceilDiv;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import org.jspecify.annotations.Nullable;

/**
 * Cross-entropy of given logits, and of a head whose logits exist for some rows at a time only.
 * With whole rows the softmax is exact at once, and a chunk gives its gradients before it goes.
 */
final class Losses {
  private static final String FILE = "softmax.cu";

  /** Logits that exist at a time: 594 MiB are those of 1,024 rows and a vocabulary of 151,936. */
  private static final long LOGITS_BYTES = 640L << 20;

  /** A copy of an operand for one product, of a part of the vocabulary where all would be more. */
  private static final long COPY_BYTES = 256L << 20;

  /** Rows of the logits, and of the weight, in one product are a multiple of this. */
  private static final long TILE = 128;

  /** The head and its targets; logits are scaled by {@code scale * g}, g null means 1. */
  private record Head(
      Tensor hidden, Tensor weight, Tensor targets, Tensor lse, double scale, @Nullable Tensor g) {}

  private final Device device;
  private final Kernels kernels;
  private final Matmul matmul;
  private final Faults faults;

  Losses(Device device, Kernels kernels, Matmul matmul, Faults faults) {
    this.device = device;
    this.kernels = kernels;
    this.matmul = matmul;
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
        .launch(FILE, "crossEntropy", logits.dtype(), Access.macro(Access.ofRows(logits)))
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
    String width = Access.macro(Access.ofRows(logits, dLogits));
    kernels
        .launch(FILE, "crossEntropyGrad", logits.dtype(), width)
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

  /** What the head takes at a time: the losses of rows, logits, and the copy for a product. */
  long headBytes(long rows, Tensor weight, DType dtype) {
    long vocabulary = weight.shape().dim(0);
    long rowBytes = vocabulary * dtype.byteSize();
    long chunk = Math.min(rows, rowsInChunk(rows, rowBytes));
    long copied = copiedForGrad(weight, dtype, chunk);
    return Memory.blockBytes(rows * dtype.byteSize())
        + Memory.blockBytes(chunk * rowBytes)
        + Memory.blockBytes(Math.min(vocabulary, weightRowsInChunk(weight, copied)) * copied);
  }

  private static long rowsInChunk(Tensor hidden, Tensor weight) {
    long rowBytes = weight.shape().dim(0) * hidden.dtype().byteSize();
    return rowsInChunk(hidden.shape().dim(0), rowBytes);
  }

  /** As few chunks as the logits may be, of nearly one size. */
  static long rowsInChunk(long rows, long rowBytes) {
    long most = LOGITS_BYTES / Math.max(1, rowBytes);
    if (most < TILE) {
      return Math.max(1, most);
    }
    long chunks = Math.max(1, ceilDiv(rows, most / TILE * TILE));
    return Math.max(1, ceilDiv(ceilDiv(rows, chunks), TILE)) * TILE;
  }

  /**
   * Rows of the weight in one product that copies {@code bytes} for each: all if it copies none.
   */
  private static long weightRowsInChunk(Tensor weight, long bytes) {
    long rows = Math.max(1, weight.shape().dim(0));
    return bytes == 0 ? rows : Math.max(TILE, COPY_BYTES / bytes / TILE * TILE);
  }

  /** Bytes for each row of the weight: in the product for the logits it is a copy of the weight. */
  private long copiedForLogits(Tensor weight, DType dtype) {
    return matmul.copies(dtype, weight.dtype()).right() * weight.shape().dim(1);
  }

  /** In the product of their gradients with the weight these may be copied as well. */
  private long copiedForGrad(Tensor weight, DType dtype, long rows) {
    return copiedForLogits(weight, dtype) + matmul.copies(dtype, weight.dtype()).left() * rows;
  }

  /** {@code hidden[from..to] weight^T}. */
  private Tensor logits(Head head, long from, long to) {
    Backend backend = device.backend();
    long vocabulary = head.weight.shape().dim(0);
    Tensor logits = Tensor.empty(device, head.hidden.dtype(), Shape.of(to - from, vocabulary));
    Matrix hidden = Matrix.of(head.hidden.slice(0, from, to));
    long chunk = weightRowsInChunk(head.weight, copiedForLogits(head.weight, logits.dtype()));
    for (long v = 0; v < vocabulary; v += chunk) {
      long end = Math.min(vocabulary, v + chunk);
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
    long copied = copiedForGrad(head.weight, dLogits.dtype(), dLogits.shape().dim(0));
    long chunk = weightRowsInChunk(head.weight, copied);
    for (long v = 0; v < vocabulary; v += chunk) {
      long end = Math.min(vocabulary, v + chunk);
      Matrix d = Matrix.of(dLogits.slice(1, v, end));
      Matrix weight = Matrix.of(head.weight.slice(0, v, end));
      Write chunkWrite = v == 0 ? write : Write.ADD;
      device.backend().matmul(d, weight, Matrix.of(dHidden), 1, chunkWrite);
    }
  }
}
