package dev.granula.nn.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.nn.optim.Schedule.Kind;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The courses of transformers' {@code get_scheduler}, and the two ways to give a warm-up. */
final class ScheduleTest {
  private static final Path GOLDEN = Path.of("../goldens/data/ops/lr_schedules.json");

  @TestFactory
  Stream<DynamicTest> ratesAreThoseOfTransformers() {
    return new JsonMapper()
        .readTree(GOLDEN).values().stream()
            .map(
                golden ->
                    DynamicTest.dynamicTest(
                        "%s with warm-up %s"
                            .formatted(
                                golden.required("name").stringValue(),
                                golden.required("warmup_steps")),
                        () -> compare(golden)));
  }

  private static void compare(JsonNode golden) {
    Schedule schedule =
        new Schedule(
            Kind.valueOf(golden.required("name").stringValue().toUpperCase(Locale.ROOT)),
            golden.required("peak").doubleValue(),
            golden.required("warmup_steps").longValue(),
            golden.required("total_steps").longValue());
    JsonNode rates = golden.required("lr");
    assertEquals(schedule.totalSteps(), rates.size());
    for (int step = 0; step < rates.size(); step++) {
      double expected = rates.required(step).doubleValue();
      assertEquals(expected, schedule.rate(step), 1e-12 * schedule.peak(), "step " + step);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0, 20, 0",
    "0.25, 20, 5",
    "0.03, 50, 2", // 1.5 is rounded up
    "0.001, 10, 1",
    "0.99, 10, 10",
    "1, 20, 1",
    "5, 20, 5",
    "30, 20, 30",
  })
  void warmUpBelowOneIsAFractionElseSteps(double warmup, long totalSteps, long steps) {
    assertEquals(
        new Schedule(Kind.LINEAR, 1e-3, steps, totalSteps),
        Schedule.of(Kind.LINEAR, 1e-3, warmup, totalSteps));
  }

  @ParameterizedTest
  @CsvSource({"LINEAR, 0", "COSINE, 0", "CONSTANT, 0.5"})
  void ratesBehindTheEndStayWhatTheyWere(Kind kind, double rate) {
    Schedule schedule = new Schedule(kind, 0.5, 2, 10);
    assertEquals(rate, schedule.rate(10), 1e-16);
    assertTrue(schedule.rate(11) >= 0);
  }

  @ParameterizedTest
  @CsvSource({"-0.1, 0, 10", "NaN, 0, 10", "0.1, -1, 10", "0.1, 0, 0"})
  void impossibleSettingsAreRefused(double peak, long warmup, long total) {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class, () -> new Schedule(Kind.COSINE, peak, warmup, total));
    assertTrue(e.getMessage().startsWith("schedule: "), e.getMessage());
  }

  /** Rounding would turn both into a warm-up of 0 steps. */
  @ParameterizedTest
  @ValueSource(doubles = {-0.01, Double.NaN})
  void impossibleWarmUpsAreRefused(double warmup) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Schedule.of(Kind.LINEAR, 1, warmup, 10));
    assertEquals(
        "schedule: the warm-up must be a fraction or a number of steps, it is " + warmup,
        e.getMessage());
  }
}
