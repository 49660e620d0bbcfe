package dev.granula.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

final class StatisticsTest {
  private static final double EXACT = 1e-12;

  @Test
  void medianIsTheMiddleValueOrTheMeanOfTheTwo() {
    assertEquals(3, Statistics.median(9, 3, 1));
    assertEquals(2, Statistics.median(1, 3, 9, 0));
  }

  @Test
  void medianLeavesItsInputInOrder() {
    double[] values = {3, 1, 2};
    Statistics.median(values);
    assertEquals(3, values[0]);
  }

  @Test
  void geometricMeanOfAHalfAndItsInverseIsOne() {
    assertEquals(1, Statistics.geometricMean(0.5, 2), EXACT);
  }

  @Test
  void pointsOnALineDeviateNowhere() {
    double[] x = {1, 2, 4, 64};
    double[] y = {12, 14, 18, 138};
    assertEquals(0, Statistics.deviationFromLinePercent(x, y), EXACT);
  }

  @Test
  void theLargestDeviationCountsOnEitherSide() {
    // The line through the ends is y = x.
    assertEquals(
        -50, Statistics.deviationFromLinePercent(new double[] {1, 2, 3}, new double[] {1, 1, 3}));
    assertEquals(
        100,
        Statistics.deviationFromLinePercent(new double[] {1, 2, 3, 4}, new double[] {1, 4, 2, 4}));
  }
}
