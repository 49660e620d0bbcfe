package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.lang.foreign.MemorySegment;

/**
 * Cross-entropy of logits that are rows of F32; each method returns false, and does nothing, if
 * they are not.
 */
final class SimdCrossEntropy {
  private static final Expression X = input(0);

  /** lse is scalar 0. */
  private static final Expression GRAD = X.sub(scalar(0)).exp().mul(scalar(1));

  private final Context context;

  SimdCrossEntropy(Context context) {
    this.context = context;
  }

  boolean crossEntropy(Tensor logits, Tensor targets, double scale, Tensor loss, Tensor lse) {
    if (!Rows.supports(logits, lse) || !Indices.supports(targets)) {
      return false;
    }
    int[] target = Indices.readOptional("crossEntropy", targets, logits.shape().dim(1));
    Rows x = Rows.of(logits);
    Rows lseRows = Rows.ofElements(lse);
    double[] losses = new double[target.length];
    Loop max = context.loops().get(X, Store.MAX);
    Loop sum = context.loops().get(SimdSoftmax.EXP_BELOW, Store.SUM);
    context.forRows(
        x.count,
        x.width,
        (from, to, worker) -> {
          MemorySegment partials = context.scratch().row(worker, 0);
          Pass maxPass = new Pass(max, 0, x);
          Pass sumPass = new Pass(sum, 1, x);
          for (int row = (int) from; row < to; row++) {
            double largest = maxPass.max(row, partials);
            sumPass.scalars[0] = largest;
            double rowLse = largest + Math.log(sumPass.sum(row, partials));
            lseRows.set(row, 0, rowLse);
            losses[row] = target[row] < 0 ? 0 : rowLse - x.get(row, target[row]);
          }
        });
    double total = 0;
    for (double one : losses) {
      total += one;
    }
    loss.store(loss.offset(), scale * total);
    return true;
  }

  boolean crossEntropyGrad(
      Tensor logits,
      Tensor targets,
      Tensor lse,
      double scale,
      Tensor g,
      Tensor dLogits,
      Write write) {
    if (!Rows.supports(logits, lse, dLogits) || !Indices.supports(targets)) {
      return false;
    }
    int[] target = Indices.readOptional("crossEntropy", targets, logits.shape().dim(1));
    rowsGrad(logits, target, 0, lse, g.load(g.offset()) * scale, dLogits, write);
    return true;
  }

  /** The gradient of the logits of the classes from {@code first} on; a negative target is none. */
  void rowsGrad(
      Tensor logits,
      int[] targets,
      long first,
      Tensor lse,
      double factor,
      Tensor dLogits,
      Write write) {
    Rows x = Rows.of(logits);
    Rows lseRows = Rows.ofElements(lse);
    Rows out = Rows.of(dLogits);
    Loop grad = context.loops().get(GRAD, Store.of(write));
    context.forRows(
        x.count,
        x.width,
        (from, to, _) -> {
          Pass pass = new Pass(grad, 2, x);
          for (int row = (int) from; row < to; row++) {
            long target = targets[row] - first;
            if (targets[row] >= 0) {
              pass.scalars[0] = lseRows.get(row, 0);
              pass.scalars[1] = factor;
              pass.store(row, out);
              if (target >= 0 && target < out.width) {
                out.set(row, target, out.get(row, target) - factor);
              }
            } else if (write == Write.SET) {
              out.memory.asSlice(out.bytes(row), 4L * out.width).fill((byte) 0);
            }
          }
        });
  }
}
