package dev.granula.tensor.conformance;

import dev.granula.tensor.Backend.AdamWStep;
import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Counter-based random numbers and optimizer steps. */
public interface RandomConformance extends Conformance {

  /** Counters on both sides of 2^32, where the second word of the counter begins. */
  @ParameterizedTest
  @CsvSource({"0, 0", "42, 7", "-1, 4294967290", "81985529216486895, 1099511627776"})
  default void uniform_seedsAndCounters(long seed, long counter) {
    for (int size : new int[] {0, 1, 5, 64, 1003, 20_011}) {
      compare(
          Tolerances.EXACT,
          run -> {
            run.backend().uniform(seed, counter, run.output(Write.SET, DType.F32, size));
            run.backend().uniform(seed, counter, run.output(Write.SET, DType.F64, size));
            Tensor strided = run.output(Write.SET, DType.F32, 9, 7).transpose(0, 1);
            run.backend().uniform(seed, counter, strided);
          });
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.1, 0.5, 0.9})
  default void dropout_probabilities(double probability) {
    for (Write write : Write.values()) {
      for (int size : new int[] {0, 3, 40, 5003, 20_011}) {
        compare(
            Tolerances.POINTWISE,
            run -> {
              Tensor x = run.normal(DType.F32, size);
              Tensor out = run.output(write, DType.F32, size);
              run.backend().dropout(x, probability, 9, 1L << 33, out, write);
            });
      }
    }
  }

  /** The number of an element is its place in row-major order, whatever the strides are. */
  @ParameterizedTest
  @EnumSource(Write.class)
  default void dropout_strides(Write write) {
    compare(
        Tolerances.POINTWISE,
        run -> {
          Tensor x = run.normal(DType.F32, 13, 21).transpose(0, 1);
          Tensor out = run.output(write, DType.F32, 21, 20).slice(1, 2, 15);
          run.backend().dropout(x, 0.3, 5, 1, out, write);
        });
  }

  @ParameterizedTest
  @CsvSource({"F32, 1", "F32, 1000", "F64, 3"})
  default void adamW_steps(DType dtype, int step) {
    AdamWStep numbers = new AdamWStep(1e-2, 0.9, 0.999, 1e-8, 0.1, step);
    compare(
        Tolerances.POINTWISE,
        run -> {
          List<Tensor> parameters = several(run, dtype, true);
          List<Tensor> gradients = several(run, dtype, false);
          List<Tensor> first = several(run, dtype, true);
          List<Tensor> second =
              List.of(
                  run.compared(run.uniform(dtype, 0.01, 2, 5, 33)),
                  run.compared(run.uniform(dtype, 0.01, 2, 1)),
                  run.compared(run.uniform(dtype, 0.01, 2, 0)),
                  run.compared(run.uniform(dtype, 0.01, 2, 1300, 7)));
          Tensor scale = run.uniform(dtype, 0.5, 1);
          run.backend().adamW(parameters, gradients, first, second, numbers, scale);
        });
  }

  private static List<Tensor> several(Run run, DType dtype, boolean compared) {
    List<Tensor> tensors =
        List.of(
            run.normal(dtype, 5, 33),
            run.normal(dtype, 1),
            run.normal(dtype, 0),
            run.normal(dtype, 1300, 7));
    if (compared) {
      tensors.forEach(run::compared);
    }
    return tensors;
  }
}
