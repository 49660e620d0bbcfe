package dev.granula.bench.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;

final class MetricTest {
  private static final double EXACT = 1e-12;

  private final Samples ours = new Samples();
  private final Samples peer = new Samples();

  private void round(double a, double b, double peerA, double peerB) {
    ours.add(Map.of("AB x", a, "AB y", b));
    peer.add(Map.of("AB x", peerA, "AB y", peerB));
  }

  @Test
  void ratioIsOfMediansAndSpreadOfRounds() {
    round(10, 1, 5, 1);
    round(30, 1, 10, 1);
    round(20, 1, 20, 1);
    Outcome outcome = new Metric.Ratio("AB x").of(ours, peer);
    assertEquals(20, outcome.ours());
    assertEquals(10, outcome.peer());
    assertEquals(2, outcome.value(), EXACT);
    assertEquals(1, outcome.low(), EXACT);
    assertEquals(3, outcome.high(), EXACT);
  }

  @Test
  void geometricMeanAndWorstGoOverAllValuesOfThePrefix() {
    round(4, 1, 1, 4);
    ours.add(Map.of("ABt z", 1000.0));
    peer.add(Map.of("ABt z", 1.0));
    assertEquals(1, new Metric.GeometricMean("AB ").of(ours, peer).value(), EXACT);
    Outcome worst = new Metric.Worst("AB ").of(ours, peer);
    assertEquals("y", worst.what());
    assertEquals(0.25, worst.value(), EXACT);
    assertEquals(1, worst.ours());
  }

  @Test
  void withinComparesValuesOfOneProcess() {
    round(3, 4, 1, 1);
    assertEquals(0.75, new Metric.Within("AB x", "AB y").of(ours, ours).value(), EXACT);
  }

  @Test
  void peakMemoryIsThatOfTheLargestProcess() {
    ours.addPeakKib(512);
    ours.addPeakKib(1024);
    peer.addPeakKib(2048);
    Outcome outcome = new Metric.PeakMemory().of(ours, peer);
    assertEquals(1, outcome.ours());
    assertEquals(0.5, outcome.value(), EXACT);
    assertTrue(Double.isNaN(outcome.low()));
  }

  @Test
  void straightnessReadsTheSizesFromTheNames() {
    Map<String, Double> round = new java.util.LinkedHashMap<>();
    round.put("batch 1", 1.0);
    round.put("batch 2", 1.5);
    round.put("batch 3", 3.0);
    ours.add(round);
    Outcome outcome = new Metric.Straightness("batch").of(ours, ours);
    assertEquals(25, outcome.value(), EXACT);
    assertEquals(-25, outcome.low(), EXACT);
  }

  @Test
  void goalsAreHeldAgainstTheMeasuredValueNotThePrintedOne() {
    Metric any = new Metric.PeakMemory();
    assertFalse(Goal.atLeast(1.4, "", any).isReachedBy(1.3999));
    assertTrue(Goal.atLeast(1.4, "", any).isReachedBy(1.4));
    assertFalse(Goal.atMost(0.48, "", any).isReachedBy(0.4801));
    assertFalse(Goal.atMost(0.48, "", any).isReachedBy(Double.NaN));
    assertTrue(Goal.none("", any).isReachedBy(99));
  }
}
