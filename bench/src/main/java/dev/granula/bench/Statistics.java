package dev.granula.bench;

import java.util.Arrays;

/** The few figures that a comparison is made of. */
public final class Statistics {
  private Statistics() {}

  /** The middle value, or the mean of the two middle ones. */
  public static double median(double... values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  public static double geometricMean(double... values) {
    return Math.exp(Arrays.stream(values).map(Math::log).average().orElse(Double.NaN));
  }

  /**
   * Largest distance of y from the straight line through the first and the last point, in percent
   * of the line; the sign says on which side.
   */
  public static double deviationFromLinePercent(double[] x, double[] y) {
    int last = x.length - 1;
    double slope = (y[last] - y[0]) / (x[last] - x[0]);
    double largest = 0;
    for (int i = 1; i < last; i++) {
      double line = y[0] + slope * (x[i] - x[0]);
      double deviation = 100 * (y[i] / line - 1);
      largest = Math.abs(deviation) > Math.abs(largest) ? deviation : largest;
    }
    return largest;
  }
}
