package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.lang.foreign.MemorySegment;

/**
 * Softmax and its logarithm over rows of F32; each method returns false, and does nothing, if its
 * tensors are not that.
 */
final class SimdSoftmax {
  private static final Expression X = input(0);

  /** The maximum of the row is scalar 0. */
  static final Expression EXP_BELOW = X.sub(scalar(0)).exp();

  private static final Expression SCALED = X.mul(scalar(0));

  /** Two steps, because max + log(sum) has no digits left where the maximum is large. */
  private static final Expression LOG_BELOW = X.sub(scalar(0)).sub(scalar(1));

  private static final Expression PRODUCT = X.mul(input(1));
  private static final Expression SOFTMAX_GRAD = X.mul(input(1).sub(scalar(0)));
  private static final Expression LOG_SOFTMAX_GRAD = input(1).sub(X.exp().mul(scalar(0)));

  private final Context context;

  SimdSoftmax(Context context) {
    this.context = context;
  }

  boolean softmax(Tensor in, Tensor out) {
    if (!Rows.supports(in, out)) {
      return false;
    }
    Rows x = Rows.of(in);
    Rows y = Rows.of(out);
    Loop max = context.loops().get(X, Store.MAX);
    Loop exp = context.loops().get(EXP_BELOW, Store.SET);
    Loop sum = context.loops().get(X, Store.SUM);
    Loop scale = context.loops().get(SCALED, Store.SET);
    context.forRows(
        x.count,
        x.width,
        (from, to, worker) -> {
          MemorySegment partials = context.scratch().row(worker, 0);
          Pass maxPass = new Pass(max, 0, x);
          Pass expPass = new Pass(exp, 1, x);
          Pass sumPass = new Pass(sum, 0, y);
          Pass scalePass = new Pass(scale, 1, y);
          for (long row = from; row < to; row++) {
            expPass.scalars[0] = maxPass.max(row, partials);
            expPass.store(row, y);
            scalePass.scalars[0] = 1 / sumPass.sum(row, partials);
            scalePass.store(row, y);
          }
        });
    return true;
  }

  boolean logSoftmax(Tensor in, Tensor out) {
    if (!Rows.supports(in, out)) {
      return false;
    }
    Rows x = Rows.of(in);
    Rows y = Rows.of(out);
    Loop max = context.loops().get(X, Store.MAX);
    Loop sum = context.loops().get(EXP_BELOW, Store.SUM);
    Loop result = context.loops().get(LOG_BELOW, Store.SET);
    context.forRows(
        x.count,
        x.width,
        (from, to, worker) -> {
          MemorySegment partials = context.scratch().row(worker, 0);
          Pass maxPass = new Pass(max, 0, x);
          Pass sumPass = new Pass(sum, 1, x);
          Pass resultPass = new Pass(result, 2, x);
          for (long row = from; row < to; row++) {
            double largest = maxPass.max(row, partials);
            sumPass.scalars[0] = largest;
            resultPass.scalars[0] = largest;
            resultPass.scalars[1] = Math.log(sumPass.sum(row, partials));
            resultPass.store(row, y);
          }
        });
    return true;
  }

  boolean softmaxGrad(Tensor y, Tensor g, Tensor out, Write write) {
    return grad(PRODUCT, SOFTMAX_GRAD, y, g, out, write);
  }

  boolean logSoftmaxGrad(Tensor y, Tensor g, Tensor out, Write write) {
    return grad(input(1), LOG_SOFTMAX_GRAD, y, g, out, write);
  }

  /** {@code result} of y, g and the sum of {@code summand} over the row. */
  private boolean grad(
      Expression summand, Expression result, Tensor y, Tensor g, Tensor out, Write write) {
    if (!Rows.supports(y, g, out)) {
      return false;
    }
    Rows[] in = {Rows.of(y), Rows.of(g)};
    Rows target = Rows.of(out);
    Loop sum = context.loops().get(summand, Store.SUM);
    Loop store = context.loops().get(result, Store.of(write));
    context.forRows(
        target.count,
        target.width,
        (from, to, worker) -> {
          MemorySegment partials = context.scratch().row(worker, 0);
          Pass sumPass = new Pass(sum, 0, in);
          Pass storePass = new Pass(store, 1, in);
          for (long row = from; row < to; row++) {
            storePass.scalars[0] = sumPass.sum(row, partials);
            storePass.store(row, target);
          }
        });
    return true;
  }
}
