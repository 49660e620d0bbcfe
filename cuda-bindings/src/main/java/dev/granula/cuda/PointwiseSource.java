package dev.granula.cuda;

import dev.granula.tensor.DType;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import dev.granula.tensor.expression.Program;
import java.util.List;

/**
 * Prints an expression as a CUDA kernel {@code pointwise(packs, out, in..., scalars...)}, one line
 * for each distinct sub-expression. A thread takes one pack of neighbours; an operand is a pointer
 * or a {@code View}, as its {@link Access} says.
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

  /**
   * {@code out = expression(in, scalars)}.
   *
   * @param access of {@code out}, then of each of {@code in}
   */
  static String evaluate(
      Expression expression,
      List<DType> in,
      int scalars,
      DType out,
      Write write,
      List<Access> access) {
    Program program = Program.of(expression);
    StringBuilder body = new StringBuilder();
    for (int node = 0; node < program.nodes().size(); node++) {
      String value = print(program.nodes().get(node), program.operands().get(node));
      body.append("    real v%d = %s;\n".formatted(node, value));
    }
    String result = "v" + (program.nodes().size() - 1);
    if (write == Write.ADD) {
      result += " + (real)valueOf(y.at[e])";
    }
    body.append("    store(&y.at[e], %s);\n".formatted(result));
    return kernel(in, scalars, out, write, access, body.toString());
  }

  /** {@code out = in} of one type, bit for bit. */
  static String copyBits(DType dtype, List<Access> access) {
    return kernel(List.of(dtype), 0, dtype, Write.SET, access, "    y.at[e] = x0.at[e];\n");
  }

  /**
   * @param body what is done for element {@code e} of the packs {@code x0}... and {@code y}
   */
  private static String kernel(
      List<DType> in, int scalars, DType out, Write write, List<Access> access, String body) {
    int width = Access.width(access);
    String result = "%s, %d".formatted(SourceTypes.name(out), width);
    StringBuilder parameters = new StringBuilder(parameter(access.getFirst(), "", out, "out"));
    StringBuilder loads = new StringBuilder();
    for (int i = 0; i < in.size(); i++) {
      Access at = access.get(i + 1);
      String type = "%s, %d".formatted(SourceTypes.name(in.get(i)), width);
      String load = at == Access.SPREAD ? "spread" : "*pack";
      parameters.append(", ").append(parameter(at, "const ", in.get(i), "in" + i));
      loads.append("  Pack<%s> x%d = %s<%s>(in%d, i);\n".formatted(type, i, load, type, i));
    }
    for (int s = 0; s < scalars; s++) {
      parameters.append(", real s").append(s);
    }
    loads.append("  Pack<%s> y%s;\n".formatted(result, write == Write.ADD ? " = *to" : ""));
    return """
        extern "C" __global__ void %s(i64 packs, %s) {
          i64 i = globalThread();
          if (i >= packs) {
            return;
          }
          Pack<%s>* to = pack<%s>(out, i);
        %s#pragma unroll
          for (int e = 0; e < %d; e++) {
        %s  }
          *to = y;
        }
        """
        .formatted(KERNEL, parameters, result, result, loads, width, body);
  }

  private static String parameter(Access access, String qualifier, DType dtype, String name) {
    return access == Access.PLAIN
        ? "%s%s* %s".formatted(qualifier, SourceTypes.name(dtype), name)
        : "View " + name;
  }

  private static String print(Expression node, int[] at) {
    return switch (node) {
      case Expression.Input(int index) -> "(real)valueOf(x%d.at[e])".formatted(index);
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
