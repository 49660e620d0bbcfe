package dev.granula.tensor.expression;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * An expression in evaluation order, each distinct sub-expression once: what the plain evaluator
 * walks and what code generators print line by line.
 *
 * @param nodes distinct sub-expressions, operands before their users; the last one is the result
 * @param operands for each node the positions of its operands in {@code nodes}
 * @param inputs one more than the largest {@link Expression.Input} index
 */
public record Program(List<Expression> nodes, List<int[]> operands, int inputs) {

  public static Program of(Expression expression) {
    Builder builder = new Builder();
    builder.place(expression);
    return new Program(List.copyOf(builder.nodes), List.copyOf(builder.operands), builder.inputs);
  }

  private static final class Builder {
    final List<Expression> nodes = new ArrayList<>();
    final List<int[]> operands = new ArrayList<>();
    final Map<Expression, Integer> places = new HashMap<>();
    int inputs;

    int place(Expression expression) {
      Integer known = places.get(expression);
      if (known != null) {
        return known;
      }
      int[] uses =
          switch (expression) {
            case Expression.Input(int index) -> {
              inputs = Math.max(inputs, index + 1);
              yield new int[0];
            }
            case Expression.Scalar _, Expression.Constant _ -> new int[0];
            case Expression.Unary(_, Expression x) -> new int[] {place(x)};
            case Expression.Binary(_, Expression x, Expression y) -> new int[] {place(x), place(y)};
            case Expression.SelectLess(Expression a, Expression b, Expression t, Expression f) ->
                new int[] {place(a), place(b), place(t), place(f)};
          };
      nodes.add(expression);
      operands.add(uses);
      places.put(expression, nodes.size() - 1);
      return nodes.size() - 1;
    }
  }
}
