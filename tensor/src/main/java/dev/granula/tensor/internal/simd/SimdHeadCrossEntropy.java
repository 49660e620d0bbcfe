package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.Simd.F32;
import static dev.granula.tensor.internal.simd.Simd.LANES;
import static dev.granula.tensor.internal.simd.Simd.ORDER;

import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Output head and cross-entropy together, F32 with a weight of F32 or BF16. Logits exist for a
 * chunk of the vocabulary at a time, so that the weight comes from memory once a pass and [N, V] is
 * never stored. Each method returns false, and does nothing, for what it does not cover.
 */
final class SimdHeadCrossEntropy {
  /** Logits of a chunk, 4 MiB: they stay in cache between the two products that use them. */
  private static final long CHUNK_ELEMENTS = 1 << 20;

  private static final long MIN_CHUNK = 256;
  private static final long MAX_CHUNK = 8192;

  private final Context context;
  private final SimdMatmul products;
  private final SimdCrossEntropy crossEntropy;

  SimdHeadCrossEntropy(Context context, SimdMatmul products, SimdCrossEntropy crossEntropy) {
    this.context = context;
    this.products = products;
    this.crossEntropy = crossEntropy;
  }

  /** The logits of one chunk after the other, in memory of the current step. */
  private final class VocabularyChunks {
    private final Tensor hidden;
    private final Tensor weight;
    private final Tensor buffer;
    private final long size;
    long from;

    VocabularyChunks(Tensor hidden, Tensor weight) {
      this.hidden = hidden;
      this.weight = weight;
      long rows = hidden.shape().dim(0);
      long fitting = Math.clamp(CHUNK_ELEMENTS / rows, MIN_CHUNK, MAX_CHUNK);
      size = Math.min(weight.shape().dim(0), fitting / MIN_CHUNK * MIN_CHUNK);
      buffer = Tensor.empty(hidden.device(), DType.F32, Shape.of(rows * size));
    }

    boolean hasNext() {
      return from < weight.shape().dim(0);
    }

    void advance() {
      from += size;
    }

    /** The chunk's rows of the weight, or of its gradient. */
    Tensor part(Tensor ofWeight) {
      return ofWeight.slice(0, from, Math.min(from + size, ofWeight.shape().dim(0)));
    }

    Tensor logits() {
      Tensor part = part(weight);
      long rows = hidden.shape().dim(0);
      long width = part.shape().dim(0);
      Tensor logits = buffer.slice(0, 0, rows * width).reshape(rows, width);
      multiply(Matrix.of(hidden), Matrix.of(part).transpose(), logits, Write.SET);
      return logits;
    }
  }

  /**
   * With {@code d = sum over v of e^(x_v - m) weight[v]}, kept up to date as {@link OnlineSoftmax}
   * says, {@code dHidden = scale (d / s - weight[target])}: one pass over the weight gives the loss
   * and the input's gradient.
   */
  boolean forward(
      Tensor hidden,
      Tensor weight,
      Tensor targets,
      double scale,
      Tensor loss,
      Tensor lse,
      @Nullable Tensor dHidden) {
    if (!supports(hidden, weight, targets, lse) || dHidden != null && !Rows.supports(dHidden)) {
      return false;
    }
    int[] target = Indices.readOptional("headCrossEntropy", targets, weight.shape().dim(0));
    OnlineSoftmax softmax = new OnlineSoftmax(context, target);
    try (Scope _ = hidden.device().memory().step()) {
      var chunks = new VocabularyChunks(hidden, weight);
      for (; chunks.hasNext(); chunks.advance()) {
        Tensor logits = chunks.logits();
        softmax.take(logits, chunks.from, dHidden);
        if (dHidden != null) {
          Write write = chunks.from == 0 ? Write.SET : Write.ADD;
          multiply(Matrix.of(logits), Matrix.of(chunks.part(weight)), dHidden, write);
        }
      }
    }
    Rows lseRows = Rows.ofElements(lse);
    double total = 0;
    for (int row = 0; row < target.length; row++) {
      lseRows.set(row, 0, softmax.logSumExp(row));
      total += softmax.loss(row);
    }
    loss.store(loss.offset(), scale * total);
    if (dHidden != null) {
      finishGradient(softmax, target, weight, scale, Rows.of(dHidden));
    }
    return true;
  }

  private void finishGradient(
      OnlineSoftmax softmax, int[] target, Tensor weight, double scale, Rows d) {
    context.forRows(
        d.count,
        d.width,
        (from, to, _) -> {
          for (int row = (int) from; row < to; row++) {
            if (target[row] < 0) {
              d.memory.asSlice(d.bytes(row), 4L * d.width).fill((byte) 0);
            } else {
              combine(d, row, scale / softmax.sum(row), weight, target[row], -scale);
            }
          }
        });
  }

  /** {@code d[row] = d[row] * factor + weight[index] * weightFactor}. */
  private static void combine(
      Rows d, int row, double factor, Tensor weight, int index, double weightFactor) {
    MemorySegment table = weight.memory();
    boolean bf16 = weight.dtype() == DType.BF16;
    long at = weight.offset() + index * weight.stride(0);
    long bytes = d.bytes(row);
    FloatVector f = FloatVector.broadcast(F32, (float) factor);
    FloatVector w = FloatVector.broadcast(F32, (float) weightFactor);
    int i = 0;
    for (; i < F32.loopBound(d.width); i += LANES) {
      FloatVector x = FloatVector.fromMemorySegment(F32, d.memory, bytes + 4L * i, ORDER);
      Simd.load(table, bf16, at + i)
          .fma(w, x.mul(f))
          .intoMemorySegment(d.memory, bytes + 4L * i, ORDER);
    }
    for (; i < d.width; i++) {
      float x = d.get(row, i) * (float) factor;
      d.set(row, i, Math.fma((float) weight.load(at + i), (float) weightFactor, x));
    }
  }

  boolean gradient(
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
    if (!supports(hidden, weight, targets, lse)
        || dHidden != null && !Rows.supports(dHidden)
        || dWeight != null && !Rows.supports(dWeight)) {
      return false;
    }
    int[] target = Indices.readOptional("headCrossEntropy", targets, weight.shape().dim(0));
    double factor = g.load(g.offset()) * scale;
    try (Scope _ = hidden.device().memory().step()) {
      var chunks = new VocabularyChunks(hidden, weight);
      for (; chunks.hasNext(); chunks.advance()) {
        Tensor logits = chunks.logits();
        crossEntropy.rowsGrad(logits, target, chunks.from, lse, factor, logits, Write.SET);
        if (dHidden != null) {
          Write write = chunks.from == 0 ? dHiddenWrite : Write.ADD;
          multiply(Matrix.of(logits), Matrix.of(chunks.part(weight)), dHidden, write);
        }
        if (dWeight != null) {
          Matrix transposed = Matrix.of(logits).transpose();
          multiply(transposed, Matrix.of(hidden), chunks.part(dWeight), dWeightWrite);
        }
      }
    }
    return true;
  }

  private void multiply(Matrix a, Matrix b, Tensor out, Write write) {
    if (!products.matmul(a, b, Matrix.of(out), 1, write)) {
      throw new AssertionError("a product of supported operands was refused");
    }
  }

  private static boolean supports(Tensor hidden, Tensor weight, Tensor targets, Tensor lse) {
    boolean bf16 = weight.dtype() == DType.BF16;
    return Rows.supports(hidden, lse)
        && (bf16 || weight.dtype() == DType.F32)
        && weight.elementCount() > 0
        && weight.stride(1) == 1
        && Indices.supports(targets);
  }
}
