package dev.granula.tensor.reference;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;

/**
 * Softmax and its logarithm over the last dimension. The maximum of a row is taken out first, so
 * that nothing overflows and a shift of the whole row costs no digits.
 */
final class PlainSoftmax {
  private PlainSoftmax() {}

  /** {@code y[i] = exp(x[i] - max - logSum)}. */
  static void softmax(Tensor in, Tensor out) {
    for (long row = 0; row < Plain.rows(in); row++) {
      double max = max(in, row);
      double logSum = logSum(in, row, max);
      long from = Plain.rowStart(in, row);
      long to = Plain.rowStart(out, row);
      for (long i = 0; i < in.shape().dim(-1); i++) {
        out.store(
            to + i * out.stride(-1), Math.exp(in.load(from + i * in.stride(-1)) - max - logSum));
      }
    }
  }

  /** {@code y[i] = x[i] - max - logSum}. */
  static void logSoftmax(Tensor in, Tensor out) {
    for (long row = 0; row < Plain.rows(in); row++) {
      double max = max(in, row);
      double logSum = logSum(in, row, max);
      long from = Plain.rowStart(in, row);
      long to = Plain.rowStart(out, row);
      for (long i = 0; i < in.shape().dim(-1); i++) {
        out.store(to + i * out.stride(-1), in.load(from + i * in.stride(-1)) - max - logSum);
      }
    }
  }

  /** {@code log(sum of exp(x[i]))} of a row. */
  static double logSumExp(Tensor in, long row) {
    double max = max(in, row);
    return max + logSum(in, row, max);
  }

  private static double max(Tensor in, long row) {
    long start = Plain.rowStart(in, row);
    double max = Double.NEGATIVE_INFINITY;
    for (long i = 0; i < in.shape().dim(-1); i++) {
      max = Math.max(max, in.load(start + i * in.stride(-1)));
    }
    return max;
  }

  /** {@code log(sum of exp(x[i] - max))} of a row. */
  private static double logSum(Tensor in, long row, double max) {
    long start = Plain.rowStart(in, row);
    double sum = 0;
    for (long i = 0; i < in.shape().dim(-1); i++) {
      sum += Math.exp(in.load(start + i * in.stride(-1)) - max);
    }
    return Math.log(sum);
  }

  /**
   * With {@code dy[i]/dx[j] = y[i] (1[i = j] - y[j])}: {@code dx[i] = y[i] (g[i] - sum_j g[j]
   * y[j])}.
   */
  static void softmaxGrad(Tensor y, Tensor g, Tensor out, Write write) {
    long size = y.shape().dim(-1);
    for (long row = 0; row < Plain.rows(y); row++) {
      long yStart = Plain.rowStart(y, row);
      long gStart = Plain.rowStart(g, row);
      long outStart = Plain.rowStart(out, row);
      double dot = Plain.dot(y, yStart, y.stride(-1), g, gStart, g.stride(-1), size);
      for (long i = 0; i < size; i++) {
        double dx = y.load(yStart + i * y.stride(-1)) * (g.load(gStart + i * g.stride(-1)) - dot);
        Plain.put(out, outStart + i * out.stride(-1), dx, write);
      }
    }
  }

  /**
   * With {@code dy[i]/dx[j] = 1[i = j] - exp(y[j])}: {@code dx[i] = g[i] - exp(y[i]) sum_j g[j]}.
   */
  static void logSoftmaxGrad(Tensor y, Tensor g, Tensor out, Write write) {
    long size = y.shape().dim(-1);
    for (long row = 0; row < Plain.rows(y); row++) {
      long yStart = Plain.rowStart(y, row);
      long gStart = Plain.rowStart(g, row);
      long outStart = Plain.rowStart(out, row);
      double sum = 0;
      for (long i = 0; i < size; i++) {
        sum += g.load(gStart + i * g.stride(-1));
      }
      for (long i = 0; i < size; i++) {
        double y1 = y.load(yStart + i * y.stride(-1));
        double dx = g.load(gStart + i * g.stride(-1)) - Math.exp(y1) * sum;
        Plain.put(out, outStart + i * out.stride(-1), dx, write);
      }
    }
  }
}
