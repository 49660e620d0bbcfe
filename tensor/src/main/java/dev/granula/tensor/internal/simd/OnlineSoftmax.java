package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.expression.Expression;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What is known of the softmax of each row while its logits come in chunks: m, the largest so far,
 * {@code s = sum e^(x - m)}, and the logit of the target. When a chunk brings a larger m', all that
 * was formed with m is multiplied by {@code e^(m - m')}.
 */
final class OnlineSoftmax {
  private static final Expression X = input(0);
  private static final Expression SCALED = X.mul(scalar(0));

  private final Context context;
  private final int[] targets;
  private final double[] largest;
  private final double[] sums;
  private final double[] targetLogits;

  /** A negative target means none. */
  OnlineSoftmax(Context context, int[] targets) {
    this.context = context;
    this.targets = targets;
    largest = new double[targets.length];
    Arrays.fill(largest, Double.NEGATIVE_INFINITY);
    sums = new double[targets.length];
    targetLogits = new double[targets.length];
  }

  double sum(int row) {
    return sums[row];
  }

  double logSumExp(int row) {
    return largest[row] + Math.log(sums[row]);
  }

  /** The row's loss; 0 without a target. */
  double loss(int row) {
    return targets[row] < 0 ? 0 : logSumExp(row) - targetLogits[row];
  }

  /**
   * Takes the logits of the classes from {@code first} on. With {@code weighted}, rows that sum
   * something with weights {@code e^(x - m)}, those are brought to the new m, and the logits are
   * replaced by their weights.
   */
  void take(Tensor logits, long first, @Nullable Tensor weighted) {
    Rows x = Rows.of(logits);
    Rows sumRows = weighted == null ? null : Rows.of(weighted);
    Loop max = context.loops().get(X, Store.MAX);
    Loop expSum = context.loops().get(SimdSoftmax.EXP_BELOW, Store.SUM);
    Loop exp = context.loops().get(SimdSoftmax.EXP_BELOW, Store.SET);
    Loop sum = context.loops().get(X, Store.SUM);
    Loop scale = context.loops().get(SCALED, Store.SET);
    context.forRows(
        x.count,
        x.width,
        (from, to, worker) -> {
          MemorySegment partials = context.scratch().row(worker, 0);
          Pass maxPass = new Pass(max, 0, x);
          Pass expSumPass = new Pass(expSum, 1, x);
          Pass expPass = new Pass(exp, 1, x);
          Pass sumPass = new Pass(sum, 0, x);
          for (int row = (int) from; row < to; row++) {
            long target = targets[row] - first;
            if (target >= 0 && target < x.width) {
              targetLogits[row] = x.get(row, target);
            }
            double shrink = raise(row, maxPass.max(row, partials));
            if (sumRows == null) {
              expSumPass.scalars[0] = largest[row];
              sums[row] += expSumPass.sum(row, partials);
            } else {
              expPass.scalars[0] = largest[row];
              expPass.store(row, x);
              sums[row] += sumPass.sum(row, partials);
              if (first > 0 && shrink != 1) {
                new Pass(scale, new double[] {shrink}, sumRows).store(row, sumRows);
              }
            }
          }
        });
  }

  /** Raises m and returns {@code e^(m - m')}. */
  private double raise(int row, double chunkLargest) {
    double raised = Math.max(largest[row], chunkLargest);
    double shrink = raised == largest[row] ? 1 : Math.exp(largest[row] - raised);
    largest[row] = raised;
    sums[row] *= shrink;
    return shrink;
  }
}
