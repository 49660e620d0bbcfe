package dev.granula.tensor.internal.simd;

import dev.granula.tensor.expression.Expression;
import dev.granula.tensor.expression.Program;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A {@link Program} walked node by node over short arrays, without generated code and without
 * vectors: a few plain loops, shared by all expressions, that are compiled within milliseconds. A
 * generated loop has the same bits and is faster, but only once C2 has compiled it; until then each
 * of its vectors is an object.
 */
final class PlainLoop extends Loop {
  /** Elements at a time: all nodes of an expression stay in the first level of cache. */
  private static final int BLOCK = 256;

  /** The values of one node from those of its operands, {@code n} elements. */
  @FunctionalInterface
  private interface Step {
    void run(float[][] values, int n);
  }

  private final List<Expression> nodes;
  private final long broadcast;
  private final Store store;
  private final Step[] steps;

  PlainLoop(Program program, long broadcast, Store store) {
    this.nodes = program.nodes();
    this.broadcast = broadcast;
    this.store = store;
    List<Step> all = new ArrayList<>();
    for (int node = 0; node < nodes.size(); node++) {
      int[] at = program.operands().get(node);
      switch (nodes.get(node)) {
        case Expression.Unary(Expression.Function function, _) ->
            all.add(unary(function, at[0], node));
        case Expression.Binary(Expression.Operator operator, _, _) ->
            all.add(binary(operator, at[0], at[1], node));
        case Expression.SelectLess _ -> {
          int out = node;
          all.add((v, n) -> ArrayOps.selectLess(v[at[0]], v[at[1]], v[at[2]], v[at[3]], v[out], n));
        }
        case Expression.Input _, Expression.Scalar _, Expression.Constant _ -> {}
      }
    }
    this.steps = all.toArray(Step[]::new);
  }

  private static Step unary(Expression.Function function, int x, int out) {
    return switch (function) {
      case NEG -> (v, n) -> ArrayOps.neg(v[x], v[out], n);
      case RECIPROCAL -> (v, n) -> ArrayOps.reciprocal(v[x], v[out], n);
      case EXP -> (v, n) -> ArrayOps.exp(v[x], v[out], n);
      case LOG -> (v, n) -> ArrayOps.log(v[x], v[out], n);
      case SQRT -> (v, n) -> ArrayOps.sqrt(v[x], v[out], n);
      case TANH -> (v, n) -> ArrayOps.tanh(v[x], v[out], n);
      case ERF -> (v, n) -> ArrayOps.erf(v[x], v[out], n);
    };
  }

  private static Step binary(Expression.Operator operator, int x, int y, int out) {
    return switch (operator) {
      case ADD -> (v, n) -> ArrayOps.add(v[x], v[y], v[out], n);
      case SUB -> (v, n) -> ArrayOps.sub(v[x], v[y], v[out], n);
      case MUL -> (v, n) -> ArrayOps.mul(v[x], v[y], v[out], n);
      case DIV -> (v, n) -> ArrayOps.div(v[x], v[y], v[out], n);
      case MAX -> (v, n) -> ArrayOps.max(v[x], v[y], v[out], n);
    };
  }

  @Override
  void run(
      MemorySegment[] in,
      long[] inOffset,
      double[] scalars,
      MemorySegment out,
      long outOffset,
      int n) {
    float[][] values = new float[nodes.size()][Math.min(n, BLOCK)];
    fillInvariants(values, in, inOffset, scalars);
    float[] result = values[values.length - 1];
    float[] target = new float[store.reduces() ? Store.PARTIALS : result.length];
    Arrays.fill(target, store.identity());
    for (int start = 0; start < n; start += BLOCK) {
      int count = Math.min(BLOCK, n - start);
      load(values, in, inOffset, start, count);
      for (Step step : steps) {
        step.run(values, count);
      }
      store(result, target, out, outOffset + 4L * start, count);
    }
    if (store.reduces()) {
      MemorySegment.copy(target, 0, out, ValueLayout.JAVA_FLOAT, outOffset, Store.PARTIALS);
    }
  }

  /** What is the same for all elements. */
  private void fillInvariants(
      float[][] values, MemorySegment[] in, long[] inOffset, double[] scalars) {
    for (int node = 0; node < values.length; node++) {
      switch (nodes.get(node)) {
        case Expression.Scalar(int i) -> Arrays.fill(values[node], (float) scalars[i]);
        case Expression.Constant(double value) -> Arrays.fill(values[node], (float) value);
        case Expression.Input(int i) when isBroadcast(i) ->
            Arrays.fill(values[node], in[i].get(ValueLayout.JAVA_FLOAT, inOffset[i]));
        default -> {}
      }
    }
  }

  private void load(float[][] values, MemorySegment[] in, long[] inOffset, int start, int n) {
    for (int node = 0; node < values.length; node++) {
      if (nodes.get(node) instanceof Expression.Input(int i) && !isBroadcast(i)) {
        long from = inOffset[i] + 4L * start;
        MemorySegment.copy(in[i], ValueLayout.JAVA_FLOAT, from, values[node], 0, n);
      }
    }
  }

  private boolean isBroadcast(int input) {
    return (broadcast >> input & 1) != 0;
  }

  private void store(float[] result, float[] target, MemorySegment out, long at, int n) {
    switch (store) {
      case SET -> MemorySegment.copy(result, 0, out, ValueLayout.JAVA_FLOAT, at, n);
      case ADD -> {
        MemorySegment.copy(out, ValueLayout.JAVA_FLOAT, at, target, 0, n);
        ArrayOps.add(target, result, target, n);
        MemorySegment.copy(target, 0, out, ValueLayout.JAVA_FLOAT, at, n);
      }
      case SUM -> ArrayOps.sum(result, target, n);
      case MAX -> ArrayOps.largest(result, target, n);
    }
  }
}
