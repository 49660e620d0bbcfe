package dev.granula.bench.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class TableTest {
  private static final Side SIDE = Side.java("step");

  private static Row row(Goal... goals) {
    return new Row("speed", "title", "tokens/s", SIDE, SIDE, Row.Start.WARM, 1, 1, List.of(goals));
  }

  @Test
  void aMissedGoalIsShown() {
    Samples ours = new Samples();
    Samples peer = new Samples();
    ours.add(Map.of("tokens/s", 700.0));
    peer.add(Map.of("tokens/s", 1000.0));
    ours.addPeakKib(2048);
    peer.addPeakKib(4096);
    Table table = new Table();
    Metric ratio = new Metric.Ratio("tokens/s");
    table.add(
        new Result(
            row(Goal.atLeast(1.4, "fast", ratio), Goal.atMost(0.8, "small", ratio)),
            ours,
            peer,
            Map.of()));
    assertEquals(
        """
        | row   | figure | ours         | peer          | ratio | spread       | MiB ours/peer | wanted       | reached |
        | ----- | ------ | ------------ | ------------- | ----- | ------------ | ------------- | ------------ | ------- |
        | speed | fast   | 700 tokens/s | 1000 tokens/s | 0.70  | 0.70 to 0.70 | 2/4           | at least 1.4 | NO      |
        | speed | small  | 700 tokens/s | 1000 tokens/s | 0.70  | 0.70 to 0.70 | 2/4           | at most 0.8  | yes     |""",
        table.toString());
  }

  @Test
  void aRowWithoutItsPeerIsNotCounted() {
    Table table = new Table();
    table.add(row(), "no packages");
    assertEquals(
        "| speed | no packages | -    | -    | -     | -      | -             | -      | not counted |",
        table.toString().lines().skip(2).findFirst().orElseThrow());
  }

  @Test
  void numbersKeepThreeDigits() {
    assertEquals("1234", Table.number(1234.4));
    assertEquals("12.3", Table.number(12.34));
    assertEquals("1.23", Table.number(1.234));
    assertEquals("0.12", Table.number(0.1234));
    assertEquals("0.0123", Table.number(0.01234));
    assertEquals("-", Table.number(Double.NaN));
  }
}
