package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * LayerNorm over rows of n F32 elements; each method returns false, and does nothing, if its
 * tensors are not that. The formulas stand at the plain form.
 */
final class SimdLayerNorm {
  private static final Expression X = input(0);

  /**
   * The mean is scalar 0 plus scalar 1, a small rest: in one F32 number it would lose the digits of
   * values that are close together and far from zero.
   */
  private static final Expression CENTRED = X.sub(scalar(0)).sub(scalar(1));

  private static final Expression SQUARE = CENTRED.mul(CENTRED);

  /** x, weight, bias; the inverse standard deviation is scalar 2. */
  private static final Expression LAYER_NORM = CENTRED.mul(scalar(2)).mul(input(1)).add(input(2));

  /** x, weight, g; the mean is scalar 0. */
  private static final Expression UPSTREAM = input(1).mul(input(2));

  private static final Expression DOT = X.sub(scalar(0)).mul(UPSTREAM);
  private static final Expression LAYER_NORM_GRAD =
      UPSTREAM.mul(scalar(1)).sub(scalar(2)).sub(X.sub(scalar(0)).mul(scalar(3)));

  /** x, g, mean and inverse standard deviation of the row. */
  private static final Expression WEIGHT_GRAD = X.sub(input(2)).mul(input(3)).mul(input(1));

  private static final long ROW_IS_2_AND_3 = 1 << 2 | 1 << 3;

  private final Context context;
  private final ColumnSums columns;

  SimdLayerNorm(Context context, ColumnSums columns) {
    this.context = context;
    this.columns = columns;
  }

  boolean layerNorm(
      Tensor x,
      Tensor weight,
      Tensor bias,
      double eps,
      Tensor out,
      Tensor mean,
      Tensor inverseStd) {
    if (!Rows.supports(x, weight, bias, out)) {
      return false;
    }
    Rows xRows = Rows.of(x);
    Rows outRows = Rows.of(out);
    Rows weights = Rows.repeated(weight);
    Rows biases = Rows.repeated(bias);
    Rows means = Rows.ofElements(mean);
    Rows inverses = Rows.ofElements(inverseStd);
    Loop sum = context.loops().get(CENTRED, Store.SUM);
    Loop square = context.loops().get(SQUARE, Store.SUM);
    Loop result = context.loops().get(LAYER_NORM, Store.SET);
    int n = xRows.width;
    context.forRows(
        xRows.count,
        n,
        (from, to, worker) -> {
          MemorySegment partials = context.scratch().row(worker, 0);
          Pass sumPass = new Pass(sum, 2, xRows);
          Pass squarePass = new Pass(square, 2, xRows);
          Pass resultPass = new Pass(result, 3, xRows, weights, biases);
          for (long row = from; row < to; row++) {
            sumPass.scalars[0] = 0;
            float rough = (float) (sumPass.sum(row, partials) / n);
            sumPass.scalars[0] = rough;
            double rest = sumPass.sum(row, partials) / n;
            squarePass.scalars[0] = rough;
            squarePass.scalars[1] = rest;
            double inverse = 1 / Math.sqrt(squarePass.sum(row, partials) / n + eps);
            means.set(row, 0, rough + rest);
            inverses.set(row, 0, inverse);
            resultPass.scalars[0] = rough;
            resultPass.scalars[1] = rest;
            resultPass.scalars[2] = inverse;
            resultPass.store(row, outRows);
          }
        });
    return true;
  }

  boolean layerNormGrad(
      Tensor x,
      Tensor weight,
      Tensor mean,
      Tensor inverseStd,
      Tensor g,
      @Nullable Tensor dx,
      Write dxWrite,
      @Nullable Tensor dWeight,
      Write dWeightWrite,
      @Nullable Tensor dBias,
      Write dBiasWrite) {
    if (!Rows.supports(x, weight, g)
        || dx != null && !Rows.supports(dx)
        || dWeight != null && !Rows.supports(dWeight)
        || dBias != null && !Rows.supports(dBias)) {
      return false;
    }
    Rows xRows = Rows.of(x);
    Rows gRows = Rows.of(g);
    Rows means = Rows.ofElements(mean);
    Rows inverses = Rows.ofElements(inverseStd);
    if (dx != null) {
      inputGrad(xRows, Rows.repeated(weight), gRows, means, inverses, Rows.of(dx), dxWrite);
    }
    if (dWeight != null) {
      Rows[] in = {xRows, gRows, means, inverses};
      Rows out = Rows.of(dWeight.reshape(1, -1));
      columns.run(x.device(), WEIGHT_GRAD, ROW_IS_2_AND_3, in, xRows.count, out, 1, dWeightWrite);
    }
    if (dBias != null) {
      Rows out = Rows.of(dBias.reshape(1, -1));
      columns.run(x.device(), X, 0, new Rows[] {gRows}, gRows.count, out, 1, dBiasWrite);
    }
    return true;
  }

  private void inputGrad(
      Rows x, Rows weights, Rows g, Rows means, Rows inverses, Rows dx, Write write) {
    Loop sum = context.loops().get(UPSTREAM, Store.SUM);
    Loop dot = context.loops().get(DOT, Store.SUM);
    Loop result = context.loops().get(LAYER_NORM_GRAD, Store.of(write));
    context.forRows(
        x.count,
        x.width,
        (from, to, worker) -> {
          MemorySegment partials = context.scratch().row(worker, 0);
          Pass sumPass = new Pass(sum, 0, x, weights, g);
          Pass dotPass = new Pass(dot, 1, x, weights, g);
          Pass resultPass = new Pass(result, 4, x, weights, g);
          for (long row = from; row < to; row++) {
            double s = inverses.get(row, 0);
            dotPass.scalars[0] = means.get(row, 0);
            resultPass.scalars[0] = means.get(row, 0);
            resultPass.scalars[1] = s;
            resultPass.scalars[2] = s * sumPass.sum(row, partials) / x.width;
            resultPass.scalars[3] = s * s * s * dotPass.sum(row, partials) / x.width;
            resultPass.store(row, dx);
          }
        });
  }
}
