package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * RMSNorm over rows of n F32 elements; each method returns false, and does nothing, if its tensors
 * are not that. The formulas stand at the plain form.
 */
final class SimdRmsNorm {
  private static final Expression X = input(0);
  private static final Expression SQUARE = X.mul(X);

  /** x, weight; the inverse root is scalar 0. */
  private static final Expression RMS_NORM = X.mul(scalar(0)).mul(input(1));

  /** x, weight, g. */
  private static final Expression RMS_DOT = X.mul(input(1)).mul(input(2));

  private static final Expression RMS_NORM_GRAD =
      input(2).mul(input(1)).mul(scalar(0)).sub(X.mul(scalar(1)));

  /** x, g, inverse root of the row. */
  private static final Expression RMS_WEIGHT_GRAD = X.mul(input(2)).mul(input(1));

  private static final long ROW_IS_2 = 1 << 2;

  private final Context context;
  private final ColumnSums columns;

  SimdRmsNorm(Context context, ColumnSums columns) {
    this.context = context;
    this.columns = columns;
  }

  boolean rmsNorm(Tensor x, Tensor weight, double eps, Tensor out, Tensor inverseRms) {
    if (!Rows.supports(x, weight, out)) {
      return false;
    }
    Rows xRows = Rows.of(x);
    Rows weights = Rows.repeated(weight);
    Rows outRows = Rows.of(out);
    Rows inverses = Rows.ofElements(inverseRms);
    Loop square = context.loops().get(SQUARE, Store.SUM);
    Loop result = context.loops().get(RMS_NORM, Store.SET);
    int n = xRows.width;
    context.forRows(
        xRows.count,
        n,
        (from, to, worker) -> {
          MemorySegment partials = context.scratch().row(worker, 0);
          Pass squarePass = new Pass(square, 0, xRows);
          Pass resultPass = new Pass(result, 1, xRows, weights);
          for (long row = from; row < to; row++) {
            double inverse = 1 / Math.sqrt(squarePass.sum(row, partials) / n + eps);
            inverses.set(row, 0, inverse);
            resultPass.scalars[0] = inverse;
            resultPass.store(row, outRows);
          }
        });
    return true;
  }

  boolean rmsNormGrad(
      Tensor x,
      Tensor weight,
      Tensor inverseRms,
      Tensor g,
      @Nullable Tensor dx,
      Write dxWrite,
      @Nullable Tensor dWeight,
      Write dWeightWrite) {
    if (!Rows.supports(x, weight, g)
        || dx != null && !Rows.supports(dx)
        || dWeight != null && !Rows.supports(dWeight)) {
      return false;
    }
    Rows xRows = Rows.of(x);
    Rows gRows = Rows.of(g);
    Rows inverses = Rows.ofElements(inverseRms);
    if (dx != null) {
      rmsInputGrad(xRows, Rows.repeated(weight), gRows, inverses, Rows.of(dx), dxWrite);
    }
    if (dWeight != null) {
      columns.run(
          x.device(),
          RMS_WEIGHT_GRAD,
          ROW_IS_2,
          new Rows[] {xRows, gRows, inverses},
          xRows.count,
          Rows.of(dWeight.reshape(1, -1)),
          1,
          dWeightWrite);
    }
    return true;
  }

  private void rmsInputGrad(Rows x, Rows weights, Rows g, Rows inverses, Rows dx, Write write) {
    Loop dot = context.loops().get(RMS_DOT, Store.SUM);
    Loop result = context.loops().get(RMS_NORM_GRAD, Store.of(write));
    context.forRows(
        x.count,
        x.width,
        (from, to, worker) -> {
          MemorySegment partials = context.scratch().row(worker, 0);
          Pass dotPass = new Pass(dot, 0, x, weights, g);
          Pass resultPass = new Pass(result, 2, x, weights, g);
          for (long row = from; row < to; row++) {
            double s = inverses.get(row, 0);
            resultPass.scalars[0] = s;
            resultPass.scalars[1] = s * s * s * dotPass.sum(row, partials) / x.width;
            resultPass.store(row, dx);
          }
        });
  }
}
