package dev.granula.tensor.conformance;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Softmax, RMSNorm and LayerNorm with their gradients. */
public interface NormConformance extends Conformance {
  double EPS = 1e-5;

  /** A kernel from rows to rows. */
  @FunctionalInterface
  interface RowKernel {
    void run(Backend backend, Tensor in, Tensor out);
  }

  /** The gradient of one, from the forward output and the upstream gradient. */
  @FunctionalInterface
  interface RowGradKernel {
    void run(Backend backend, Tensor y, Tensor g, Tensor out, Write write);
  }

  private void compareRows(int size, RowKernel kernel) {
    for (DType dtype : new DType[] {DType.F32, DType.F64}) {
      compare(
          Tolerances.REDUCTION,
          run -> {
            Tensor in = run.uniform(dtype, -8, 8, 3, 5, size);
            kernel.run(run.backend(), in, run.output(Write.SET, dtype, 3, 5, size));
            Tensor strided = run.normal(dtype, 7, size + 6).slice(1, 2, size + 2);
            Tensor out = run.output(Write.SET, dtype, 7, size + 3).slice(1, 1, size + 1);
            kernel.run(run.backend(), strided, out);
            Tensor swapped = run.normal(dtype, size, 4).transpose(0, 1);
            kernel.run(run.backend(), swapped, run.output(Write.SET, dtype, 4, size));
          });
    }
  }

  private void compareRowGrads(int size, RowGradKernel kernel) {
    for (Write write : Write.values()) {
      for (DType dtype : new DType[] {DType.F32, DType.F64}) {
        compare(
            Tolerances.REDUCTION,
            run -> {
              Tensor y = run.uniform(dtype, -3, 0, 3, 5, size);
              Tensor g = run.normal(dtype, 3, 5, size);
              kernel.run(run.backend(), y, g, run.output(write, dtype, 3, 5, size), write);
              Tensor out = run.output(write, dtype, 5, 3, size).transpose(0, 1);
              kernel.run(run.backend(), y, g, out, write);
            });
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 16, 33, 100, 1031})
  default void softmax_rows(int size) {
    compareRows(size, Backend::softmax);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 16, 33, 100, 1031})
  default void logSoftmax_rows(int size) {
    compareRows(size, Backend::logSoftmax);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 16, 33, 1031})
  default void softmaxGrad_rows(int size) {
    compareRowGrads(size, Backend::softmaxGrad);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 16, 33, 1031})
  default void logSoftmaxGrad_rows(int size) {
    compareRowGrads(size, Backend::logSoftmaxGrad);
  }

  /** A row of a vocabulary, longer than a piece of work. */
  @Test
  default void softmax_longRows() {
    compare(
        Tolerances.REDUCTION,
        run -> {
          Tensor in = run.uniform(DType.F32, -8, 8, 2, 20_011);
          run.backend().softmax(in, run.output(Write.SET, DType.F32, 2, 20_011));
          run.backend().logSoftmax(in, run.output(Write.SET, DType.F32, 2, 20_011));
        });
  }

  /** The largest value is taken out before exp: 1000 does not overflow, minus infinity is 0. */
  @Test
  default void softmax_largeValues() {
    double[] large = {1000, 999, -1000, 1000, -1e30, 1e4, 1e4, -1e4, 9998, 9999, 0, -50};
    compare(
        Tolerances.REDUCTION,
        run -> {
          Tensor in = run.values(DType.F32, large, 2, 6);
          run.backend().softmax(in, run.output(Write.SET, DType.F32, 2, 6));
          double[] masked = large.clone();
          masked[2] = Double.NEGATIVE_INFINITY;
          Tensor inMasked = run.values(DType.F32, masked, 2, 6);
          run.backend().softmax(inMasked, run.output(Write.SET, DType.F32, 2, 6));
        });
  }

  @Test
  default void logSoftmax_largeValues() {
    double[] large = {1000, 999, -1000, 1000, -1e4, 990, 1e4, 1e4, -1e4, 9998, 9999, 0};
    compare(
        Tolerances.REDUCTION,
        run -> {
          Tensor in = run.values(DType.F32, large, 2, 6);
          run.backend().logSoftmax(in, run.output(Write.SET, DType.F32, 2, 6));
        });
  }

  @ParameterizedTest
  @EnumSource(Write.class)
  default void softmaxGrad_noRows(Write write) {
    compare(
        Tolerances.EXACT,
        run -> {
          Tensor empty = run.normal(DType.F32, 0, 9);
          Tensor out = run.output(write, DType.F32, 0, 9);
          run.backend().softmax(empty, run.output(Write.SET, DType.F32, 0, 9));
          run.backend().softmaxGrad(empty, empty, out, write);
        });
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 16, 33, 100, 896, 1028, 4100})
  default void rmsNorm_rows(int size) {
    for (DType dtype : new DType[] {DType.F32, DType.F64}) {
      compare(
          Tolerances.REDUCTION,
          run -> {
            Tensor weight = run.normal(dtype, size);
            Tensor out = run.output(Write.SET, dtype, 3, 5, size);
            Tensor inverseRms = run.output(Write.SET, dtype, 3, 5);
            run.backend().rmsNorm(run.normal(dtype, 3, 5, size), weight, EPS, out, inverseRms);
            Tensor strided =
                run.normal(dtype, 5, 2, size + 3).transpose(0, 1).slice(2, 2, size + 2);
            Tensor stridedOut = run.output(Write.SET, dtype, 5, 2, size).transpose(0, 1);
            Tensor flat = run.output(Write.SET, dtype, 10);
            run.backend().rmsNorm(strided, weight, EPS, stridedOut, flat);
          });
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 16, 33, 100, 896, 1028, 4100})
  default void rmsNormGrad_rows(int size) {
    for (Write write : Write.values()) {
      for (DType dtype : new DType[] {DType.F32, DType.F64}) {
        compare(Tolerances.REDUCTION, run -> rmsNormGrad(run, dtype, write, size, true, true));
      }
    }
  }

  @Test
  default void rmsNormGrad_nullOutputs() {
    for (Write write : Write.values()) {
      compare(Tolerances.REDUCTION, run -> rmsNormGrad(run, DType.F32, write, 37, true, false));
      compare(Tolerances.REDUCTION, run -> rmsNormGrad(run, DType.F32, write, 37, false, true));
    }
  }

  private static void rmsNormGrad(
      Run run, DType dtype, Write write, int size, boolean input, boolean parameters) {
    Tensor x = run.normal(dtype, 70, size);
    Tensor weight = run.normal(dtype, size);
    Tensor inverseRms = run.uniform(dtype, 0.5, 2, 70);
    Tensor g = run.normal(dtype, 70, size);
    Tensor dx = input ? run.output(write, dtype, 70, size) : null;
    Tensor dWeight = parameters ? run.output(write, dtype, size) : null;
    run.backend().rmsNormGrad(x, weight, inverseRms, g, dx, write, dWeight, write);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 16, 33, 100, 896, 1028, 4100})
  default void layerNorm_rows(int size) {
    for (DType dtype : new DType[] {DType.F32, DType.F64}) {
      compare(
          Tolerances.REDUCTION,
          run -> {
            Tensor weight = run.normal(dtype, size);
            Tensor bias = run.normal(dtype, size);
            Tensor x = run.normal(dtype, 5, 3, size).transpose(0, 1);
            Tensor out = run.output(Write.SET, dtype, 3, 5, size);
            Tensor mean = run.output(Write.SET, dtype, 3, 5);
            Tensor inverseStd = run.output(Write.SET, dtype, 3, 5);
            run.backend().layerNorm(x, weight, bias, 1e-3, out, mean, inverseStd);
          });
    }
  }

  /** E[x^2] - E[x]^2 in F32 would lose all digits here. */
  @Test
  default void layerNorm_farFromZero() {
    compare(
        Tolerances.CANCELLATION,
        run -> {
          Tensor x = run.uniform(DType.F32, 1000, 1001, 4, 64);
          Tensor weight = run.normal(DType.F32, 64);
          Tensor bias = run.normal(DType.F32, 64);
          Tensor out = run.output(Write.SET, DType.F32, 4, 64);
          Tensor mean = run.output(Write.SET, DType.F32, 4);
          Tensor inverseStd = run.output(Write.SET, DType.F32, 4);
          run.backend().layerNorm(x, weight, bias, EPS, out, mean, inverseStd);
        });
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 16, 33, 100, 896, 1028, 4100})
  default void layerNormGrad_rows(int size) {
    for (Write write : Write.values()) {
      for (DType dtype : new DType[] {DType.F32, DType.F64}) {
        compare(
            Tolerances.REDUCTION, run -> layerNormGrad(run, dtype, write, size, true, true, true));
      }
    }
  }

  @Test
  default void layerNormGrad_nullOutputs() {
    for (int only = 0; only < 3; only++) {
      int wanted = only;
      compare(
          Tolerances.REDUCTION,
          run ->
              layerNormGrad(run, DType.F32, Write.SET, 37, wanted == 0, wanted == 1, wanted == 2));
    }
  }

  private static void layerNormGrad(
      Run run, DType dtype, Write write, int size, boolean input, boolean weights, boolean biases) {
    Tensor x = run.normal(dtype, 70, size);
    Tensor weight = run.normal(dtype, size);
    Tensor mean = run.uniform(dtype, -0.1, 0.1, 70);
    Tensor inverseStd = run.uniform(dtype, 0.5, 2, 70);
    Tensor g = run.normal(dtype, 70, size);
    Tensor dx = input ? run.output(write, dtype, 70, size) : null;
    Tensor dWeight = weights ? run.output(write, dtype, size) : null;
    Tensor dBias = biases ? run.output(write, dtype, size) : null;
    run.backend()
        .layerNormGrad(x, weight, mean, inverseStd, g, dx, write, dWeight, write, dBias, write);
  }
}
