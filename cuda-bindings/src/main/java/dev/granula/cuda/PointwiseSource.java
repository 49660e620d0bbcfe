package dev.granula.cuda;

import dev.granula.tensor.DType;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import dev.granula.tensor.expression.Program;
import java.util.List;

/**
 * Prints an expression as a CUDA kernel {@code pointwise(count, out, in..., scalars...)}, one line
 * for each distinct sub-expression.
 */
final class PointwiseSource {
  static final String KERNEL = "pointwise";

  private PointwiseSource() {}

  /** The type to compute in: F32 unless that loses digits of an operand. */
  static DType real(List<DType> in, DType out) {
    boolean wide = in.stream().anyMatch(PointwiseSource::isWide) || isWide(out);
    return wide ? DType.F64 : DType.F32;
  }

  private static boolean isWide(DType dtype) {
    return dtype == DType.F64 || !dtype.isFloating();
  }

  /** {@code out = expression(in, scalars)}. */
  static String evaluate(
      Expression expression, List<DType> in, int scalars, DType out, Write write) {
    Program program = Program.of(expression);
    StringBuilder body = new StringBuilder();
    for (int node = 0; node < program.nodes().size(); node++) {
      String value = print(program.nodes().get(node), program.operands().get(node), in);
      body.append("  real v%d = %s;\n".formatted(node, value));
    }
    String result = "v" + (program.nodes().size() - 1);
    if (write == Write.ADD) {
      result += " + (real)valueOf(*result)";
    }
    return kernel(in.size(), scalars, out, body + "  store(result, %s);\n".formatted(result));
  }

  /** {@code out = in} of one type, bit for bit. */
  static String copyBits(DType dtype) {
    return kernel(1, 0, dtype, "  *result = *at<%s>(in0, i);\n".formatted(SourceTypes.name(dtype)));
  }

  private static String kernel(int inputs, int scalars, DType out, String body) {
    StringBuilder parameters = new StringBuilder("i64 count, View out");
    for (int i = 0; i < inputs; i++) {
      parameters.append(", View in").append(i);
    }
    for (int s = 0; s < scalars; s++) {
      parameters.append(", real s").append(s);
    }
    return """
        extern "C" __global__ void %s(%s) {
          i64 i = globalThread();
          if (i >= count) {
            return;
          }
          %s* result = at<%s>(out, i);
        %s}
        """
        .formatted(KERNEL, parameters, SourceTypes.name(out), SourceTypes.name(out), body);
  }

  private static String print(Expression node, int[] at, List<DType> in) {
    return switch (node) {
      case Expression.Input(int index) ->
          "(real)valueOf(*at<%s>(in%d, i))".formatted(SourceTypes.name(in.get(index)), index);
      case Expression.Scalar(int index) -> "s" + index;
      case Expression.Constant(double value) -> constant(value);
      case Expression.Unary(Expression.Function function, _) -> unary(function, "v" + at[0]);
      case Expression.Binary(Expression.Operator operator, _, _) ->
          binary(operator, "v" + at[0], "v" + at[1]);
      case Expression.SelectLess _ -> "v%d < v%d ? v%d : v%d".formatted(at[0], at[1], at[2], at[3]);
    };
  }

  private static String constant(double value) {
    if (Double.isNaN(value)) {
      return "(real)__int_as_float(0x7fc00000)";
    }
    if (Double.isInfinite(value)) {
      return value < 0 ? "NEGATIVE_INFINITY" : "-NEGATIVE_INFINITY";
    }
    return "(real)" + value;
  }

  private static String unary(Expression.Function function, String x) {
    return switch (function) {
      case NEG -> "-" + x;
      case RECIPROCAL -> "1 / " + x;
      case EXP -> "expOf(%s)".formatted(x);
      case LOG -> "logOf(%s)".formatted(x);
      case SQRT -> "sqrtOf(%s)".formatted(x);
      case TANH -> "tanhOf(%s)".formatted(x);
      case ERF -> "erfOf(%s)".formatted(x);
    };
  }

  private static String binary(Expression.Operator operator, String x, String y) {
    return switch (operator) {
      case ADD -> x + " + " + y;
      case SUB -> x + " - " + y;
      case MUL -> x + " * " + y;
      case DIV -> x + " / " + y;
      case MAX -> "larger(%s, %s)".formatted(x, y);
    };
  }
}
