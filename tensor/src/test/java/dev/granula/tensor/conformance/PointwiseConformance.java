package dev.granula.tensor.conformance;

import static dev.granula.tensor.expression.Expression.constant;
import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.tensor.DType;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Expressions, copies, fills and reductions. */
public interface PointwiseConformance extends Conformance {
  double[] NO_SCALARS = {};

  /** Zeros, infinities, NaN, subnormals and the ends of what exp can take. */
  double[] EDGES = {
    0,
    -0.0,
    1,
    -1,
    0.5,
    -0.5,
    3,
    -3,
    10,
    -10,
    30,
    -30,
    88,
    -88,
    89,
    -104,
    1e-3,
    1e-20,
    1e-40,
    1e-45,
    -1e-45,
    3.4e38,
    -3.4e38,
    Double.POSITIVE_INFINITY,
    Double.NEGATIVE_INFINITY,
    Double.NaN
  };

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 8, 17, 64, 1000, 40_003})
  default void evaluate_sizes(int size) {
    Expression x = input(0);
    Expression silu = x.mul(x.sigmoid()).mul(input(1));
    for (Write write : Write.values()) {
      compare(
          Tolerances.POINTWISE,
          run -> {
            List<Tensor> in = List.of(run.normal(DType.F32, size), run.normal(DType.F32, size));
            run.backend().evaluate(silu, in, NO_SCALARS, run.output(write, DType.F32, size), write);
          });
    }
  }

  @ParameterizedTest
  @EnumSource(Expression.Function.class)
  default void evaluate_functions(Expression.Function function) {
    Expression expression = new Expression.Unary(function, input(0));
    double low =
        function == Expression.Function.LOG || function == Expression.Function.SQRT ? 0.01 : -6;
    for (DType dtype : new DType[] {DType.F32, DType.F64}) {
      compare(
          Tolerances.POINTWISE,
          run -> {
            List<Tensor> in = List.of(run.uniform(dtype, low, 6, 501));
            Tensor out = run.output(Write.SET, dtype, 501);
            run.backend().evaluate(expression, in, NO_SCALARS, out, Write.SET);
          });
    }
  }

  /** One value per tensor, so that a large result does not hide a wrong small one. */
  @ParameterizedTest
  @EnumSource(Expression.Function.class)
  default void evaluate_edges(Expression.Function function) {
    Expression expression = new Expression.Unary(function, input(0));
    for (double edge : EDGES) {
      compare(
          Tolerances.POINTWISE,
          run -> {
            List<Tensor> in = List.of(run.values(DType.F32, new double[] {edge}, 1));
            Tensor out = run.output(Write.SET, DType.F32, 1);
            run.backend().evaluate(expression, in, NO_SCALARS, out, Write.SET);
          });
    }
  }

  @ParameterizedTest
  @EnumSource(Expression.Operator.class)
  default void evaluate_operators(Expression.Operator operator) {
    Expression expression = new Expression.Binary(operator, input(0), input(1));
    compare(
        Tolerances.POINTWISE,
        run -> {
          List<Tensor> in =
              List.of(run.normal(DType.F32, 333), run.uniform(DType.F32, 0.5, 2, 333));
          Tensor out = run.output(Write.SET, DType.F32, 333);
          run.backend().evaluate(expression, in, NO_SCALARS, out, Write.SET);
        });
    compare(
        Tolerances.EXACT,
        run -> {
          int n = EDGES.length;
          List<Tensor> in =
              List.of(
                  run.values(DType.F32, EDGES, n, 1).expand(Shape.of(n, n)),
                  run.values(DType.F32, EDGES, n).expand(Shape.of(n, n)));
          Tensor out = run.output(Write.SET, DType.F32, n, n);
          run.backend().evaluate(expression, in, NO_SCALARS, out, Write.SET);
        });
  }

  @Test
  default void evaluate_selection() {
    Expression a = input(0);
    Expression b = input(1);
    compare(
        Tolerances.EXACT,
        run -> {
          int n = EDGES.length;
          List<Tensor> in =
              List.of(run.values(DType.F32, EDGES, n, 1), run.values(DType.F32, EDGES, n));
          Tensor out = run.output(Write.SET, DType.F32, n, n);
          Expression select = a.selectIfLess(b, constant(1), scalar(0));
          run.backend().evaluate(select, in, new double[] {2}, out, Write.SET);
        });
  }

  @ParameterizedTest
  @EnumSource(Write.class)
  default void evaluate_broadcastAndStrides(Write write) {
    Expression expression = input(0).mul(input(1)).add(input(2).mul(scalar(1))).add(scalar(0));
    compare(
        Tolerances.POINTWISE,
        run -> {
          List<Tensor> in =
              List.of(
                  run.normal(DType.F32, 4, 3, 19).permute(1, 0, 2),
                  run.normal(DType.F32, 19),
                  run.normal(DType.F32, 3, 1, 1));
          Tensor out = run.output(write, DType.F32, 3, 4, 40).slice(2, 5, 24);
          run.backend().evaluate(expression, in, new double[] {0.25, -3}, out, write);
        });
    compare(
        Tolerances.POINTWISE,
        run -> {
          List<Tensor> in =
              List.of(
                  run.normal(DType.F32, 7, 31).transpose(0, 1),
                  run.normal(DType.F32, 1),
                  run.normal(DType.F32, 31, 1));
          Tensor out = run.output(write, DType.F32, 7, 31).transpose(0, 1);
          run.backend().evaluate(expression, in, new double[] {1, 2}, out, write);
        });
  }

  /** Rows of a multiple of four elements: whole, repeated, cut from wider ones, one value each. */
  @ParameterizedTest
  @CsvSource({"F32, F32", "BF16, F32", "F32, BF16", "F64, F64"})
  default void evaluate_rowsOfFours(DType from, DType to) {
    Expression expression = input(0).mul(input(1)).add(input(2).mul(input(3)));
    for (Write write : Write.values()) {
      for (int shift : new int[] {0, 1, 4}) {
        compare(
            to == DType.BF16 ? 0x1p-7 : Tolerances.POINTWISE,
            run -> {
              List<Tensor> in =
                  List.of(
                      run.normal(from, 5, 3, 16),
                      run.normal(from, 16),
                      run.normal(from, 5, 3, 1),
                      run.normal(from, 3, 5, 24).transpose(0, 1).slice(2, shift, shift + 16));
              run.backend()
                  .evaluate(expression, in, NO_SCALARS, run.output(write, to, 5, 3, 16), write);
              Tensor wide = run.output(write, to, 5, 3, 23).slice(2, 4, 20);
              run.backend().evaluate(expression, in, NO_SCALARS, wide, write);
              Tensor padded = run.output(write, to, 3, 5, 24).slice(2, shift, shift + 16);
              run.backend().evaluate(expression, in, NO_SCALARS, padded.transpose(0, 1), write);
            });
      }
    }
  }

  /** An output may be one of the inputs, element for element. */
  @Test
  default void evaluate_inPlace() {
    compare(
        Tolerances.POINTWISE,
        run -> {
          Tensor x = run.compared(run.normal(DType.F32, 77));
          run.backend().evaluate(input(0).tanh(), List.of(x), NO_SCALARS, x, Write.SET);
        });
  }

  @ParameterizedTest
  @CsvSource({
    "F32, F32",
    "F32, F64",
    "F32, BF16",
    "F32, F16",
    "BF16, F32",
    "F16, F32",
    "BF16, BF16",
    "F64, F32",
    "F64, F64",
    "I32, F32",
    "I32, I64",
    "I64, I32",
    "F32, I32"
  })
  default void copy_types(DType from, DType to) {
    for (int size : new int[] {0, 1, 15, 259}) {
      compare(
          Tolerances.EXACT,
          run -> {
            Tensor in = run.uniform(from, -300, 300, size);
            run.backend().copy(in, run.output(Write.SET, to, size));
          });
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16", "F64"})
  default void copy_strides(DType dtype) {
    compare(
        Tolerances.EXACT,
        run -> {
          Tensor in = run.normal(dtype, 5, 33, 7);
          run.backend().copy(in.permute(2, 0, 1), run.output(Write.SET, DType.F32, 7, 5, 33));
          run.backend().copy(in.slice(1, 3, 20), run.output(Write.SET, dtype, 5, 17, 7));
          Tensor wide = run.output(Write.SET, dtype, 5, 50, 9);
          run.backend().copy(in, wide.slice(1, 10, 43).slice(2, 1, 8));
          Tensor row = in.slice(0, 0, 1).expand(Shape.of(4, 33, 7));
          run.backend().copy(row, run.output(Write.SET, dtype, 4, 33, 7));
        });
  }

  /** Dimensions change places around runs of a multiple of four elements, as for GraLoRA. */
  @ParameterizedTest
  @CsvSource({"F32, F32", "BF16, BF16", "F32, BF16", "BF16, F32", "F64, F64"})
  default void copy_permutedRuns(DType from, DType to) {
    compare(
        Tolerances.EXACT,
        run -> {
          Tensor in = run.normal(from, 9, 4, 2, 8);
          run.backend().copy(in.permute(2, 0, 1, 3), run.output(Write.SET, to, 2, 9, 4, 8));
          Tensor cut = in.slice(3, 3, 7);
          run.backend().copy(cut.permute(1, 2, 0, 3), run.output(Write.SET, to, 4, 2, 9, 4));
          Tensor odd = run.normal(from, 3, 9, 9).slice(2, 0, 8);
          run.backend().copy(odd.transpose(0, 1), run.output(Write.SET, to, 9, 3, 8));
        });
  }

  /** More than one tile of a transposition both ways, with the other dimensions outside. */
  @Test
  default void copy_transposed() {
    compare(
        Tolerances.EXACT,
        run -> {
          Tensor in = run.normal(DType.F32, 2, 70, 3, 131);
          run.backend()
              .copy(in.permute(2, 3, 0, 1), run.output(Write.SET, DType.F32, 3, 131, 2, 70));
          run.backend()
              .copy(in.permute(0, 2, 1, 3), run.output(Write.SET, DType.F32, 2, 3, 70, 131));
          Tensor wide = run.output(Write.SET, DType.F32, 131, 2, 3, 90);
          run.backend().copy(in.permute(3, 0, 2, 1), wide.slice(3, 11, 81));
        });
  }

  @Test
  default void copy_roundsToNearestEven() {
    compare(
        Tolerances.EXACT,
        run -> {
          Tensor in = run.values(DType.F32, EDGES, EDGES.length);
          run.backend().copy(in, run.output(Write.SET, DType.BF16, EDGES.length));
          run.backend().copy(in, run.output(Write.SET, DType.F16, EDGES.length));
          double[] ties = new double[64];
          for (int i = 0; i < ties.length; i++) {
            ties[i] = 1 + i * 0x1p-9;
          }
          Tensor tied = run.values(DType.F32, ties, ties.length);
          run.backend().copy(tied, run.output(Write.SET, DType.BF16, ties.length));
        });
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  default void fill_types(DType dtype) {
    compare(
        Tolerances.EXACT,
        run -> {
          run.backend().fill(run.output(Write.SET, dtype, 131), -3);
          run.backend().fill(run.output(Write.SET, dtype, 0), 1);
          run.backend().fill(run.output(Write.SET, dtype, 9, 20).slice(1, 3, 18), 7);
          run.backend().fill(run.output(Write.SET, dtype, 9, 20).slice(0, 3, 8).transpose(0, 1), 5);
        });
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1",
    "1, 5, 37",
    "6, 1, 37",
    "6, 5, 1",
    "1, 1, 37",
    "6, 1, 1",
    "1, 5, 1",
    "6, 5, 37"
  })
  default void sum_dimensions(int a, int b, int c) {
    for (Write write : Write.values()) {
      for (DType dtype : new DType[] {DType.F32, DType.F64}) {
        compare(
            Tolerances.REDUCTION,
            run -> {
              Tensor in = run.normal(dtype, 6, 5, 37);
              run.backend().sum(in, run.output(write, dtype, a, b, c), 0.5, write);
              Tensor strided = run.normal(dtype, 5, 40, 6).permute(2, 0, 1).slice(2, 3, 40);
              run.backend().sum(strided, run.output(write, dtype, a, b, c), -1, write);
            });
      }
    }
  }

  @Test
  default void sum_empty() {
    compare(
        Tolerances.EXACT,
        run -> {
          Tensor in = run.normal(DType.F32, 0, 5);
          run.backend().sum(in, run.output(Write.SET, DType.F32, 1, 5), 1, Write.SET);
          run.backend().sum(in, run.output(Write.ADD, DType.F32, 1, 5), 1, Write.ADD);
        });
  }

  @Test
  default void sum_large() {
    compare(
        Tolerances.REDUCTION,
        run -> {
          Tensor in = run.uniform(DType.F32, 0, 1, 700, 130);
          run.backend().sum(in, run.output(Write.SET, DType.F32, 1, 1), 1, Write.SET);
          run.backend().sum(in, run.output(Write.SET, DType.F32, 1, 130), 1, Write.SET);
          run.backend().sum(in, run.output(Write.SET, DType.F32, 700, 1), 1, Write.SET);
        });
  }

  /** Rows longer than a piece of work, and groups of rows that are not one run. */
  @Test
  default void sum_longRows() {
    compare(
        Tolerances.REDUCTION,
        run -> {
          Tensor in = run.uniform(DType.F32, -1, 2, 3, 20_011);
          run.backend().sum(in, run.output(Write.SET, DType.F32, 3, 1), 2, Write.SET);
          run.backend().sum(in, run.output(Write.ADD, DType.F32, 1, 1), 2, Write.ADD);
          Tensor groups = run.uniform(DType.F32, -1, 2, 5, 300, 40);
          run.backend().sum(groups, run.output(Write.ADD, DType.F32, 5, 1, 40), 1, Write.ADD);
          run.backend().sum(groups, run.output(Write.SET, DType.F32, 1, 300, 1), 1, Write.SET);
        });
  }

  /** Squares of these overflow F32, or vanish in it. */
  @Test
  default void norm_extremeValues() {
    compare(
        Tolerances.REDUCTION,
        run -> {
          Tensor large = run.uniform(DType.F32, 1e25, 1e26, 100);
          run.backend().norm(List.of(large), run.output(Write.SET, DType.F32));
          Tensor small = run.uniform(DType.F32, 1e-26, 1e-25, 100);
          run.backend().norm(List.of(small, small), run.output(Write.SET, DType.F32));
          Tensor several = run.normal(DType.F32, 3, 9001);
          run.backend().norm(List.of(several, several), run.output(Write.SET, DType.F32));
        });
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F64"})
  default void norm_ofSeveral(DType dtype) {
    compare(
        Tolerances.REDUCTION,
        run -> {
          List<Tensor> in =
              List.of(
                  run.normal(dtype, 3, 71),
                  run.normal(dtype, 0),
                  run.normal(dtype, 1),
                  run.normal(dtype, 40, 40).transpose(0, 1).slice(0, 3, 30));
          run.backend().norm(in, run.output(Write.SET, dtype));
          run.backend().norm(List.of(), run.output(Write.SET, dtype, 1));
        });
  }
}
