package dev.granula.tensor.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.granula.tensor.Device;
import dev.granula.tensor.Scope;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.List;
import java.util.function.Consumer;

/** What every family of cases stands on: run a kernel on two devices and compare. */
public interface Conformance {
  /** Replay with another one: {@code -Dgranula.conformance.seed=N}. */
  long SEED = Long.getLong("granula.conformance.seed", 20_250_301);

  /** The device under test; the same one at each call. */
  Device device();

  /** The device whose results are right. */
  default Device expectedDevice() {
    return Reference.DEVICE;
  }

  /** What a case may differ by, given what its kernel may differ by from the reference. */
  default double tolerance(double fromReference) {
    return fromReference;
  }

  /** The reference device of all cases. */
  final class Reference {
    static final Device DEVICE = CpuDevice.reference();

    private Reference() {}
  }

  /**
   * Runs {@code kernel} on both devices and compares every output: {@code max|a - b| / max|b|} is
   * at most {@code tolerance}, and NaN and infinities stand at the same places. Below the smallest
   * normal F32 a difference counts only where the bits have to be equal.
   */
  default void compare(double tolerance, Consumer<Run> kernel) {
    List<double[]> expected = results(expectedDevice(), kernel);
    List<double[]> actual = results(device(), kernel);
    for (int output = 0; output < expected.size(); output++) {
      assertClose(tolerance(tolerance), expected.get(output), actual.get(output), output);
    }
  }

  private static List<double[]> results(Device device, Consumer<Run> kernel) {
    long usedBefore = device.memory().stats().usedBytes();
    List<double[]> results;
    try (Scope _ = device.memory().step();
        Scope _ = Reference.DEVICE.memory().step()) {
      Run run = new Run(device, Reference.DEVICE, SEED);
      kernel.accept(run);
      results = run.results();
    }
    assertEquals(usedBefore, device.memory().stats().usedBytes(), "bytes left behind by a kernel");
    return results;
  }

  private static void assertClose(
      double tolerance, double[] expected, double[] actual, int output) {
    double largest = 0;
    double difference = 0;
    int worst = 0;
    for (int i = 0; i < expected.length; i++) {
      if (Double.isFinite(expected[i])) {
        largest = Math.max(largest, Math.abs(expected[i]));
      }
      double d = distance(expected[i], actual[i]);
      if (d > difference) {
        difference = d;
        worst = i;
      }
    }
    double allowed = tolerance == 0 ? 0 : tolerance * largest + Float.MIN_NORMAL;
    if (difference > allowed) {
      fail(
          "output %d: max|a - b| / max|b| is %.3g, allowed are %.3g; element %d of %d: %s, expected %s; seed %d"
              .formatted(
                  output,
                  difference / largest,
                  tolerance,
                  worst,
                  expected.length,
                  actual[worst],
                  expected[worst],
                  SEED));
    }
  }

  /** Infinite where one side is a number and the other one is not. */
  private static double distance(double expected, double actual) {
    if (expected == actual || Double.isNaN(expected) && Double.isNaN(actual)) {
      return 0;
    }
    double d = Math.abs(actual - expected);
    return Double.isNaN(d) ? Double.POSITIVE_INFINITY : d;
  }
}
