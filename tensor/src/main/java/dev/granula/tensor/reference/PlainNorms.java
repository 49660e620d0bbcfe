package dev.granula.tensor.reference;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** RMSNorm and LayerNorm over the last dimension (n elements). */
final class PlainNorms {
  private PlainNorms() {}

  static void rmsNorm(Tensor x, Tensor weight, double eps, Tensor out, Tensor inverseRms) {
    long n = x.shape().dim(-1);
    for (long row = 0; row < Plain.rows(x); row++) {
      long xStart = Plain.rowStart(x, row);
      double squares = Plain.dot(x, xStart, x.stride(-1), x, xStart, x.stride(-1), n);
      double inverse = 1 / Math.sqrt(squares / n + eps);
      inverseRms.store(inverseRms.position(row), inverse);
      for (long i = 0; i < n; i++) {
        double w = weight.load(weight.position(i));
        double y = x.load(xStart + i * x.stride(-1)) * inverse * w;
        out.store(Plain.rowStart(out, row) + i * out.stride(-1), y);
      }
    }
  }

  /**
   * With s = inverseRms, h = x s and a = g weight: {@code dx[i] = s (a[i] - h[i] mean_j(a[j]
   * h[j]))}, {@code dWeight[i] = sum over rows of g[i] h[i]}.
   */
  static void rmsNormGrad(
      Tensor x,
      Tensor weight,
      Tensor inverseRms,
      Tensor g,
      @Nullable Tensor dx,
      Write dxWrite,
      @Nullable Tensor dWeight,
      Write dWeightWrite) {
    int n = Math.toIntExact(x.shape().dim(-1));
    double[] h = new double[n];
    double[] upstream = new double[n];
    double[] weightSums = new double[n];
    for (long row = 0; row < Plain.rows(x); row++) {
      double scale = inverseRms.load(inverseRms.position(row));
      loadNormalized(x, row, 0, scale, h);
      loadNormalized(g, row, 0, 1, upstream);
      addProducts(upstream, h, weightSums);
      if (dx != null) {
        scaleBy(weight, upstream);
        double dot = meanOfProducts(upstream, h);
        for (int i = 0; i < n; i++) {
          long position = Plain.rowStart(dx, row) + i * dx.stride(-1);
          Plain.put(dx, position, scale * (upstream[i] - h[i] * dot), dxWrite);
        }
      }
    }
    if (dWeight != null) {
      Plain.putAll(dWeight, weightSums, dWeightWrite);
    }
  }

  /** The variance is the mean of {@code (x - mean)^2}, without Bessel's correction. */
  static void layerNorm(
      Tensor x,
      Tensor weight,
      Tensor bias,
      double eps,
      Tensor out,
      Tensor mean,
      Tensor inverseStd) {
    int n = Math.toIntExact(x.shape().dim(-1));
    double[] h = new double[n];
    for (long row = 0; row < Plain.rows(x); row++) {
      loadNormalized(x, row, 0, 1, h);
      double rowMean = 0;
      for (double value : h) {
        rowMean += value / n;
      }
      loadNormalized(x, row, rowMean, 1, h);
      double inverse = 1 / Math.sqrt(meanOfProducts(h, h) + eps);
      mean.store(mean.position(row), rowMean);
      inverseStd.store(inverseStd.position(row), inverse);
      for (int i = 0; i < n; i++) {
        double y = h[i] * inverse * weight.load(weight.position(i)) + bias.load(bias.position(i));
        out.store(Plain.rowStart(out, row) + i * out.stride(-1), y);
      }
    }
  }

  /**
   * With s = inverseStd, h = (x - mean) s and a = g weight: {@code dx[i] = s (a[i] - mean_j(a[j]) -
   * h[i] mean_j(a[j] h[j]))}, {@code dWeight[i] = sum over rows of g[i] h[i]}, {@code dBias[i] =
   * sum over rows of g[i]}.
   */
  static void layerNormGrad(
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
    int n = Math.toIntExact(x.shape().dim(-1));
    double[] ones = new double[n];
    Arrays.fill(ones, 1);
    double[] h = new double[n];
    double[] upstream = new double[n];
    double[] weightSums = new double[n];
    double[] biasSums = new double[n];
    for (long row = 0; row < Plain.rows(x); row++) {
      double scale = inverseStd.load(inverseStd.position(row));
      loadNormalized(x, row, mean.load(mean.position(row)), scale, h);
      loadNormalized(g, row, 0, 1, upstream);
      addProducts(upstream, h, weightSums);
      addProducts(upstream, ones, biasSums);
      if (dx != null) {
        scaleBy(weight, upstream);
        double average = meanOfProducts(upstream, ones);
        double dot = meanOfProducts(upstream, h);
        for (int i = 0; i < n; i++) {
          long position = Plain.rowStart(dx, row) + i * dx.stride(-1);
          Plain.put(dx, position, scale * (upstream[i] - average - h[i] * dot), dxWrite);
        }
      }
    }
    if (dWeight != null) {
      Plain.putAll(dWeight, weightSums, dWeightWrite);
    }
    if (dBias != null) {
      Plain.putAll(dBias, biasSums, dBiasWrite);
    }
  }

  /** {@code values[i] = (x[row, i] - mean) * scale}. */
  private static void loadNormalized(
      Tensor x, long row, double mean, double scale, double[] values) {
    long start = Plain.rowStart(x, row);
    for (int i = 0; i < values.length; i++) {
      values[i] = (x.load(start + i * x.stride(-1)) - mean) * scale;
    }
  }

  private static void scaleBy(Tensor weight, double[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] *= weight.load(weight.position(i));
    }
  }

  private static void addProducts(double[] a, double[] b, double[] sums) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] += a[i] * b[i];
    }
  }

  private static double meanOfProducts(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum / a.length;
  }
}
