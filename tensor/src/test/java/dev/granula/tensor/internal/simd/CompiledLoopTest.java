package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.expression.Expression.constant;
import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.cpu.CpuDevice;
import dev.granula.tensor.expression.Expression;
import dev.granula.tensor.expression.Program;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;
import org.junit.jupiter.api.Test;

/** Generated loops compute what the plain evaluator computes, whatever the expression. */
class CompiledLoopTest {
  private static final int INPUTS = 3;
  private static final double[] SCALARS = {0.75, -1.5};
  private static final CpuDevice REFERENCE = CpuDevice.reference();
  private static final CpuDevice SIMD = CpuDevice.of("simd", 2, Memory.Debug.POISON);

  @AfterContainer
  static void close() {
    SIMD.close();
    REFERENCE.close();
  }

  /** Bounded at each level, so that a rounding error below is not blown up above. */
  @Provide
  Arbitrary<Expression> expressions() {
    Arbitrary<Expression> leaf =
        Arbitraries.oneOf(
            Arbitraries.integers().between(0, INPUTS - 1).map(Expression::input),
            Arbitraries.integers().between(0, SCALARS.length - 1).map(Expression::scalar),
            Arbitraries.of(-1.0, 0.5, 2.0).map(Expression::constant));
    return tree(leaf, 4);
  }

  private static Arbitrary<Expression> tree(Arbitrary<Expression> leaf, int depth) {
    if (depth == 0) {
      return leaf;
    }
    Arbitrary<Expression> below = tree(leaf, depth - 1);
    Arbitrary<Expression> unary =
        Arbitraries.of(Expression.Function.values()).flatMap(f -> below.map(x -> unary(f, x)));
    Arbitrary<Expression> binary =
        Arbitraries.of(Expression.Operator.values())
            .flatMap(o -> below.flatMap(x -> below.map(y -> binary(o, x, y))));
    // The plain evaluator keeps F64 between the nodes: only exact operands choose the same side.
    Arbitrary<Expression> select =
        leaf.flatMap(a -> below.map(x -> a.selectIfLess(constant(0.25), x, a)));
    return Arbitraries.oneOf(leaf, unary, binary, select);
  }

  private static Expression unary(Expression.Function function, Expression x) {
    Expression positive = x.mul(x).add(0.5);
    return switch (function) {
      case NEG, ERF -> new Expression.Unary(function, x);
      case TANH, EXP -> new Expression.Unary(function, x.tanh());
      case RECIPROCAL, LOG, SQRT -> new Expression.Unary(function, positive);
    };
  }

  private static Expression binary(Expression.Operator operator, Expression x, Expression y) {
    return operator == Expression.Operator.DIV
        ? x.div(y.mul(y).add(0.5))
        : new Expression.Binary(operator, x.tanh(), y);
  }

  @Property(tries = 200, seed = "20250301", edgeCases = EdgeCasesMode.NONE)
  void equalsTheReference(
      @ForAll("expressions") Expression expression,
      @ForAll @IntRange(max = 100) int n,
      @ForAll @IntRange(max = 7) int broadcast,
      @ForAll Write write) {
    double[] expected = evaluate(REFERENCE, expression, n, broadcast, write);
    double[] actual = evaluate(SIMD, expression, n, broadcast, write);
    for (int i = 0; i < n; i++) {
      double allowed = 1e-5 * (1 + Math.abs(expected[i]));
      assertTrue(
          Math.abs(expected[i] - actual[i]) <= allowed,
          "element " + i + ": " + actual[i] + ", expected " + expected[i]);
    }
  }

  /** The form before vectors are compiled and the one after: the same bits. */
  @Property(tries = 200, seed = "20250302", edgeCases = EdgeCasesMode.NONE)
  void bothFormsHaveTheSameBits(
      @ForAll("expressions") Expression expression,
      @ForAll @IntRange(max = 600) int n,
      @ForAll @IntRange(max = 7) int broadcast,
      @ForAll Store store) {
    Program program = Program.of(expression);
    Loop generated = LoopCompiler.compile(program, broadcast, store);
    Loop plain = new PlainLoop(program, broadcast, store);
    Random random = new Random(n);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment[] in = new MemorySegment[INPUTS];
      for (int i = 0; i < INPUTS; i++) {
        in[i] = randomFloats(arena, random);
      }
      MemorySegment expected = randomFloats(arena, random);
      MemorySegment actual = arena.allocate(expected.byteSize(), 64).copyFrom(expected);
      long[] offsets = {8, 0, 4};
      generated.run(in, offsets, SCALARS, expected, 12, n);
      plain.run(in, offsets, SCALARS, actual, 12, n);
      assertEquals(-1, expected.mismatch(actual));
    }
  }

  private static MemorySegment randomFloats(Arena arena, Random random) {
    MemorySegment memory = arena.allocate(4 * 640, 64);
    for (int i = 0; i < 640; i++) {
      memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextFloat(-2, 2));
    }
    return memory;
  }

  /** Long enough for the generated form to take over, wherever that happens. */
  @Test
  void resultsDoNotDependOnTheForm() {
    Expression expression = input(0).exp().add(input(1)).mul(scalar(0));
    Loop generated = LoopCompiler.compile(Program.of(expression), 0, Store.SET);
    Loop loop = new TwoFormLoop(Program.of(expression), 0, Store.SET);
    int n = 1 << 15;
    Random random = new Random(1);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x = arena.allocate(4 * n, 64);
      for (int i = 0; i < n; i++) {
        x.setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextFloat(-2, 2));
      }
      MemorySegment[] in = {x, x};
      MemorySegment expected = arena.allocate(4 * n, 64);
      MemorySegment actual = arena.allocate(4 * n, 64);
      generated.run(in, new long[2], SCALARS, expected, 0, n);
      for (long passed = 0; passed < 2 * Simd.PLAIN_ELEMENTS; passed += n) {
        actual.fill((byte) 0);
        loop.run(in, new long[2], SCALARS, actual, 0, n);
        assertEquals(-1, expected.mismatch(actual));
      }
    }
  }

  private static double[] evaluate(
      CpuDevice device, Expression expression, int n, int broadcast, Write write) {
    try (Scope _ = device.memory().step()) {
      Random random = new Random(n);
      List<Tensor> in =
          List.of(
              values(device, random, (broadcast & 1) != 0 ? 1 : n),
              values(device, random, (broadcast & 2) != 0 ? 1 : n),
              values(device, random, (broadcast & 4) != 0 ? 1 : n));
      Tensor out = values(device, random, n);
      device.backend().evaluate(expression, in, SCALARS, out, write);
      return out.toDoubleArray();
    }
  }

  private static Tensor values(CpuDevice device, Random random, int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = random.nextFloat(-2, 2);
    }
    return Tensor.of(device, values, n);
  }

  /** The neighbours of the output stay as they are, with vectors under a mask too. */
  @Test
  void writesNothingBesideItsElements() {
    for (int n = 0; n <= 100; n++) {
      try (Scope _ = SIMD.memory().step()) {
        Tensor wide = Tensor.full(SIMD, DType.F32, Shape.of(n + 2), 7);
        Tensor x = Tensor.full(SIMD, DType.F32, Shape.of(n), 3);
        Tensor out = wide.slice(0, 1, n + 1);
        SIMD.backend()
            .evaluate(input(0).mul(scalar(0)), List.of(x), new double[] {2}, out, Write.ADD);
        double[] values = wide.toDoubleArray();
        for (int i = 0; i < values.length; i++) {
          assertEquals(i == 0 || i == n + 1 ? 7 : 13, values[i], "element " + i + " of " + n);
        }
      }
    }
  }

  /** Elements go to the 32 partial results in turn. */
  @Test
  void reductionsKeepPartialResultsByElement() {
    Loop sum = LoopCompiler.compile(Program.of(input(0).mul(input(0))), 0, Store.SUM);
    Loop max = LoopCompiler.compile(Program.of(input(0).neg()), 0, Store.MAX);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x = arena.allocate(4 * 200, 64);
      MemorySegment out = arena.allocate(4 * Store.PARTIALS, 64);
      MemorySegment[] in = {x};
      for (int n = 0; n <= 200; n++) {
        for (int i = 0; i < 200; i++) {
          x.setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 17 - 5);
        }
        float[] sums = new float[Store.PARTIALS];
        float[] largest = new float[Store.PARTIALS];
        Arrays.fill(largest, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < n; i++) {
          float value = i % 17 - 5;
          sums[i % 32] += value * value;
          largest[i % 32] = Math.max(largest[i % 32], -value);
        }
        sum.run(in, new long[1], SCALARS, out, 0, n);
        assertEquals(-1, MemorySegment.ofArray(sums).mismatch(out), "sum of " + n);
        max.run(in, new long[1], SCALARS, out, 0, n);
        assertEquals(-1, MemorySegment.ofArray(largest).mismatch(out), "max of " + n);
      }
    }
  }
}
