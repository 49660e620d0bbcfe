package dev.granula.tensor.reference;

import dev.granula.tensor.DType;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import dev.granula.tensor.expression.Program;
import java.util.List;

/** Expressions, copies and reductions. */
final class PlainPointwise {
  private PlainPointwise() {}

  static void evaluate(
      Expression expression, List<Tensor> in, double[] scalars, Tensor out, Write write) {
    Program program = Program.of(expression);
    List<Tensor> inputs = in.stream().map(tensor -> tensor.expand(out.shape())).toList();
    double[] values = new double[program.nodes().size()];
    for (long i = 0; i < out.elementCount(); i++) {
      for (int node = 0; node < values.length; node++) {
        values[node] = value(program, node, values, inputs, scalars, i);
      }
      Plain.put(out, out.position(i), values[values.length - 1], write);
    }
  }

  /** The value of one node at element {@code i}; {@code values} holds those of its operands. */
  private static double value(
      Program program, int node, double[] values, List<Tensor> in, double[] scalars, long i) {
    int[] at = program.operands().get(node);
    return switch (program.nodes().get(node)) {
      case Expression.Input(int index) -> in.get(index).load(in.get(index).position(i));
      case Expression.Scalar(int index) -> scalars[index];
      case Expression.Constant(double value) -> value;
      case Expression.Unary(Expression.Function function, _) -> apply(function, values[at[0]]);
      case Expression.Binary(Expression.Operator operator, _, _) ->
          apply(operator, values[at[0]], values[at[1]]);
      case Expression.SelectLess _ -> values[at[0]] < values[at[1]] ? values[at[2]] : values[at[3]];
    };
  }

  private static double apply(Expression.Function function, double x) {
    return switch (function) {
      case NEG -> -x;
      case RECIPROCAL -> 1 / x;
      case EXP -> Math.exp(x);
      case LOG -> Math.log(x);
      case SQRT -> Math.sqrt(x);
      case TANH -> Math.tanh(x);
      case ERF -> Erf.erf(x);
    };
  }

  private static double apply(Expression.Operator operator, double x, double y) {
    return switch (operator) {
      case ADD -> x + y;
      case SUB -> x - y;
      case MUL -> x * y;
      case DIV -> x / y;
      case MAX -> Math.max(x, y);
    };
  }

  /** Integers are copied exactly; an integer from a floating type is cut towards zero. */
  static void copy(Tensor in, Tensor out) {
    boolean integers = !in.dtype().isFloating() && !out.dtype().isFloating();
    for (long i = 0; i < out.elementCount(); i++) {
      if (integers) {
        out.storeLong(out.position(i), in.loadLong(in.position(i)));
      } else {
        out.store(out.position(i), in.load(in.position(i)));
      }
    }
  }

  static void fill(Tensor out, double value) {
    for (long i = 0; i < out.elementCount(); i++) {
      out.store(out.position(i), value);
    }
  }

  /** The sums are kept in F64, in row-major order of {@code in}. */
  static void sum(Tensor in, Tensor out, double scale, Write write) {
    try (Scope _ = out.device().memory().step()) {
      Tensor sums = Tensor.zeros(out.device(), DType.F64, out.shape());
      Tensor target = sums.expand(in.shape());
      for (long i = 0; i < in.elementCount(); i++) {
        Plain.put(sums, target.position(i), in.load(in.position(i)), Write.ADD);
      }
      for (long i = 0; i < out.elementCount(); i++) {
        Plain.put(out, out.position(i), scale * sums.load(i), write);
      }
    }
  }

  static void norm(List<Tensor> in, Tensor out) {
    double squares = 0;
    for (Tensor tensor : in) {
      for (long i = 0; i < tensor.elementCount(); i++) {
        double x = tensor.load(tensor.position(i));
        squares += x * x;
      }
    }
    out.store(out.offset(), Math.sqrt(squares));
  }
}
