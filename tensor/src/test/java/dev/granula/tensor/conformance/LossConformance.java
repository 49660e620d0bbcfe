package dev.granula.tensor.conformance;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Cross-entropy, alone and fused with the output head; rows of a table by index. */
public interface LossConformance extends Conformance {
  double SCALE = 0.125;

  /** Some targets are below 0: those rows are left out. */
  @ParameterizedTest
  @CsvSource({"1, 1", "7, 11", "3, 64", "20, 1000", "300, 33", "0, 5"})
  default void crossEntropy_shapes(int rows, int vocabulary) {
    for (DType dtype : new DType[] {DType.F32, DType.F64}) {
      compare(
          Tolerances.REDUCTION,
          run -> {
            Tensor logits = run.uniform(dtype, -9, 9, rows, vocabulary);
            Tensor targets = run.indices(-vocabulary / 3, vocabulary, rows);
            Tensor loss = run.output(Write.SET, dtype);
            Tensor lse = run.output(Write.SET, dtype, rows);
            run.backend().crossEntropy(logits, targets, SCALE, loss, lse);
          });
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "7, 11", "3, 64", "20, 1000", "300, 33", "0, 5"})
  default void crossEntropyGrad_shapes(int rows, int vocabulary) {
    for (Write write : Write.values()) {
      compare(
          Tolerances.REDUCTION,
          run -> {
            Tensor logits = run.uniform(DType.F32, -9, 9, rows, vocabulary);
            Tensor targets = run.indices(-vocabulary / 3, vocabulary, rows);
            Tensor lse = run.uniform(DType.F32, 9, 12, rows);
            Tensor g = run.uniform(DType.F32, 0.5, 2);
            Tensor dLogits = run.output(write, DType.F32, rows, vocabulary);
            run.backend().crossEntropyGrad(logits, targets, lse, SCALE, g, dLogits, write);
          });
    }
  }

  /** Rows whose numbers grow, shrink, are infinite or none, wherever a thread comes to them. */
  @ParameterizedTest
  @ValueSource(ints = {1031, 2048})
  default void crossEntropy_unevenRows(int size) {
    int[] special = {0, 5, 300, 1030};
    compare(
        Tolerances.REDUCTION,
        run -> {
          double[] values = new double[(3 + 3 * special.length) * size];
          for (int i = 0; i < values.length; i++) {
            values[i] = (i * 37 % 101) / 10.0;
          }
          for (int i = 0; i < size; i++) {
            values[i] = i * 0.1;
            values[size + i] = -i * 0.1;
            values[2 * size + i] = i % 7 == 3 ? i % 11 : Double.NEGATIVE_INFINITY;
          }
          double[] edges = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
          for (int row = 0; row < 3 * special.length; row++) {
            values[(3 + row) * size + special[row / 3]] = edges[row % 3];
          }
          int rows = values.length / size;
          Tensor logits = run.values(DType.F32, values, rows, size);
          Tensor targets = run.indices(100, 101, rows);
          Tensor lse = run.output(Write.SET, DType.F32, rows);
          for (long row = 0; row < rows; row++) {
            Tensor one = logits.slice(0, row, row + 1);
            Tensor loss = run.output(Write.SET, DType.F32, 1);
            Tensor of = lse.slice(0, row, row + 1);
            run.backend().crossEntropy(one, targets.slice(0, row, row + 1), 1, loss, of);
          }
        });
  }

  /** No row counts: the loss and the gradient are 0. */
  @Test
  default void crossEntropy_allRowsLeftOut() {
    compare(
        Tolerances.REDUCTION,
        run -> {
          Tensor logits = run.normal(DType.F32, 3, 10);
          Tensor targets = run.indices(-100, -99, 3);
          Tensor loss = run.output(Write.SET, DType.F32, 1);
          Tensor lse = run.output(Write.SET, DType.F32, 3);
          run.backend().crossEntropy(logits, targets, SCALE, loss, lse);
          Tensor g = run.normal(DType.F32, 1);
          Tensor d = run.output(Write.SET, DType.F32, 3, 10);
          run.backend().crossEntropyGrad(logits, targets, lse, SCALE, g, d, Write.SET);
        });
  }

  /**
   * Rows, size of a row, vocabulary. With one class the gradient is 0 but for how lse was rounded,
   * so two is the least.
   */
  @ParameterizedTest
  @CsvSource({
    "1, 1, 2, F32",
    "5, 7, 11, F32",
    "9, 32, 100, F32",
    "17, 20, 3001, F32",
    "70, 16, 130, BF16",
    "9, 32, 1500, BF16",
    "4100, 8, 700, F32",
    "6, 12, 40, F64",
    "0, 8, 20, F32"
  })
  default void headCrossEntropy_shapes(int rows, int size, int vocabulary, DType weightType) {
    DType dtype = weightType == DType.F64 ? DType.F64 : DType.F32;
    for (boolean gradient : new boolean[] {false, true}) {
      compare(
          Tolerances.HEAD,
          run -> {
            Tensor hidden = run.normal(dtype, rows, size);
            Tensor weight = run.normal(weightType, vocabulary, size);
            Tensor targets = run.indices(-vocabulary / 3, vocabulary, rows);
            Tensor loss = run.output(Write.SET, dtype);
            Tensor lse = run.output(Write.SET, dtype, rows);
            Tensor dHidden = gradient ? run.output(Write.SET, dtype, rows, size) : null;
            run.backend().headCrossEntropy(hidden, weight, targets, SCALE, loss, lse, dHidden);
          });
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 2, F32",
    "5, 7, 11, F32",
    "17, 20, 3001, F32",
    "70, 16, 130, BF16",
    "6, 12, 40, F64",
    "0, 8, 20, F32"
  })
  default void headCrossEntropyGrad_shapes(int rows, int size, int vocabulary, DType weightType) {
    for (Write write : Write.values()) {
      compare(
          Tolerances.HEAD,
          run -> headGrad(run, rows, size, vocabulary, weightType, write, true, true));
    }
  }

  @ParameterizedTest
  @EnumSource(Write.class)
  default void headCrossEntropyGrad_nullOutputs(Write write) {
    compare(Tolerances.HEAD, run -> headGrad(run, 9, 16, 300, DType.F32, write, true, false));
    compare(Tolerances.HEAD, run -> headGrad(run, 9, 16, 300, DType.F32, write, false, true));
  }

  /**
   * What is stated is about what is taken from a fresh pool, which gives no block that is too
   * large.
   */
  @ParameterizedTest
  @CsvSource({"1, 40, F32", "700, 300, F32", "700, 300, BF16", "300, 2000, BF16", "700, 300, F64"})
  default void headCrossEntropyBytes_isAsStated(int rows, int vocabulary, DType weightType) {
    DType dtype = weightType == DType.F64 ? DType.F64 : DType.F32;
    Memory memory = device().memory();
    memory.trim();
    try (Scope _ = memory.step()) {
      Tensor hidden = Tensor.full(device(), dtype, Shape.of(rows, 8), 0.1);
      Tensor weight = Tensor.full(device(), weightType, Shape.of(vocabulary, 8), 0.1);
      Tensor targets = Tensor.full(device(), DType.I32, Shape.of(rows), 1);
      Tensor lse = Tensor.empty(device(), dtype, Shape.of(rows));
      Tensor loss = Tensor.empty(device(), dtype, Shape.of());
      Tensor d = Tensor.empty(device(), dtype, Shape.of(rows, 8));
      long before = memory.stats().usedBytes();
      memory.resetPeak();
      device().backend().headCrossEntropy(hidden, weight, targets, SCALE, loss, lse, d);
      long taken = memory.stats().peakBytes() - before;
      long stated = device().backend().headCrossEntropyBytes(rows, weight, dtype);
      if (stated != 0) {
        assertTrue(
            0.99 * taken <= stated && stated <= 1.5 * taken, taken + " taken, stated " + stated);
      }
    }
  }

  private static void headGrad(
      Run run,
      int rows,
      int size,
      int vocabulary,
      DType weightType,
      Write write,
      boolean toHidden,
      boolean toWeight) {
    DType dtype = weightType == DType.F64 ? DType.F64 : DType.F32;
    Tensor hidden = run.normal(dtype, rows, size);
    Tensor weight = run.normal(weightType, vocabulary, size);
    Tensor targets = run.indices(-vocabulary / 3, vocabulary, rows);
    Tensor loss = run.output(Write.SET, dtype);
    Tensor lse = run.output(Write.SET, dtype, rows);
    run.backend().headCrossEntropy(hidden, weight, targets, SCALE, loss, lse, null);
    Tensor g = run.uniform(dtype, 0.5, 2);
    Tensor dHidden = toHidden ? run.output(write, dtype, rows, size) : null;
    Tensor dWeight = toWeight ? run.output(write, dtype, vocabulary, size) : null;
    run.backend()
        .headCrossEntropyGrad(
            hidden, weight, targets, lse, SCALE, g, dHidden, write, dWeight, write);
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F64", "BF16", "F16"})
  default void gather_types(DType dtype) {
    DType outType = dtype == DType.F64 ? DType.F64 : DType.F32;
    for (int size : new int[] {1, 8, 37}) {
      compare(
          Tolerances.EXACT,
          run -> {
            Tensor table = run.normal(dtype, 23, size);
            Tensor ids = run.indices(0, 23, 3, 9);
            run.backend().gather(table, ids, run.output(Write.SET, outType, 3, 9, size));
            Tensor swapped = run.output(Write.SET, outType, 9, 3, size).transpose(0, 1);
            run.backend().gather(table, ids, swapped);
            Tensor none = run.indices(0, 23, 0);
            run.backend().gather(table, none, run.output(Write.SET, outType, 0, size));
          });
    }
  }

  /** Each id comes many times. */
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F64"})
  default void scatterAdd_repeatedIds(DType dtype) {
    for (int size : new int[] {1, 8, 37}) {
      compare(
          Tolerances.REDUCTION,
          run -> {
            Tensor ids = run.indices(0, 5, 3, 40);
            Tensor out = run.output(Write.ADD, dtype, 7, size);
            run.backend().scatterAdd(run.normal(dtype, 3, 40, size), ids, out);
            Tensor g = run.normal(dtype, 40, 3, size + 2).transpose(0, 1).slice(2, 1, size + 1);
            run.backend().scatterAdd(g, ids, out);
          });
    }
  }
}
