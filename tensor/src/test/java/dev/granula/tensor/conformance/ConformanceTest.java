package dev.granula.tensor.conformance;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

/** The kit itself: what a wrong kernel does is found. */
final class ConformanceTest implements Conformance {
  private final Device device = CpuDevice.reference();

  @Override
  public Device device() {
    return device;
  }

  /** The first run is the expected one; only the second does {@code wrong}. */
  private void assertFound(String message, double tolerance, BiConsumer<Run, Tensor> wrong) {
    int[] runs = {0};
    AssertionError e =
        assertThrows(
            AssertionError.class,
            () ->
                compare(
                    tolerance,
                    run -> {
                      Tensor out = run.output(Write.SET, DType.F32, 2, 3);
                      run.backend().fill(out.slice(1, 0, 2), 8);
                      if (runs[0]++ == 1) {
                        wrong.accept(run, out);
                      }
                    }));
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  @Test
  void findsAWrongValue() {
    assertFound("element 3 of 6: 8.5, expected 8.0", 0.06, (_, out) -> out.store(3, 8.5));
    assertFound("allowed are 0.00; element 0", 0, (_, out) -> out.store(0, Math.nextUp(8f)));
  }

  @Test
  void allowsWhatTheToleranceAllows() {
    int[] runs = {0};
    compare(
        0.0626,
        run -> run.backend().fill(run.output(Write.SET, DType.F32, 2), 8 + 0.5 * runs[0]++));
  }

  @Test
  void findsNaNAndInfinity() {
    assertFound("NaN, expected 8.0", 1, (_, out) -> out.store(1, Double.NaN));
    assertFound("Infinity, expected 8.0", 1, (_, out) -> out.store(1, Double.POSITIVE_INFINITY));
  }

  @Test
  void findsAMissingInfinity() {
    int[] runs = {0};
    assertThrows(
        AssertionError.class,
        () ->
            compare(
                1,
                run -> {
                  double value = runs[0]++ == 0 ? Double.POSITIVE_INFINITY : 3;
                  run.backend().fill(run.output(Write.SET, DType.F32, 2), value);
                }));
  }

  @Test
  void findsAWriteBesideTheView() {
    assertFound("0.0, expected NaN", 1, (_, out) -> out.store(5, 0));
  }
}
