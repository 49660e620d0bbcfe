package dev.granula.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Results that are computed again for the backward pass; freed memory is poisoned. */
final class RecipeTest {
  private static final int ROWS = 32;
  private static final int WIDTH = 16;
  private static final long ACTIVATION_BYTES = ROWS * WIDTH * Double.BYTES;
  private static final long INVERSE_ROOTS_BYTES = ROWS * Double.BYTES;

  private final SpyDevice device = new SpyDevice();
  private final Memory memory = device.memory();
  private final Points points = new Points(3);
  private final Variable x = Variable.leaf(device.persistent(points.any(ROWS, WIDTH)));
  private final Variable gain = Variable.leaf(device.persistent(points.any(WIDTH)));
  private final Variable first = Variable.leaf(device.persistent(points.any(WIDTH, WIDTH)));
  private final Variable second = Variable.leaf(device.persistent(points.any(WIDTH, WIDTH)));
  private final Tensor upstream = device.persistent(points.any(ROWS, WIDTH));

  @AfterEach
  void nothingIsOutstanding() {
    assertEquals(0, memory.stats().usedBytes());
  }

  /** Bytes that live between the passes; the gradients are then in the leaves. */
  private long run(UnaryOperator<Variable> body) {
    for (Variable leaf : List.of(x, gain, first, second)) {
      leaf.zeroGrad();
    }
    device.forget();
    long between;
    try (Scope _ = memory.step()) {
      Variable result;
      try (Scope forward = memory.step()) {
        result = body.apply(x);
        forward.keep(result.data());
      }
      between = memory.stats().usedBytes() - ACTIVATION_BYTES;
      result.backward(upstream);
    }
    return between;
  }

  private long calls(String kernel) {
    return Collections.frequency(device.kernels(), kernel);
  }

  private List<double[]> gradients() {
    return List.of(x, gain, first, second).stream()
        .map(leaf -> Objects.requireNonNull(leaf.grad()).toDoubleArray())
        .toList();
  }

  private void assertSameGradientsAsKept(
      UnaryOperator<Variable> cheap, UnaryOperator<Variable> kept) {
    run(cheap);
    List<double[]> again = gradients();
    run(kept);
    List<double[]> expected = gradients();
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), again.get(i), 0);
    }
  }

  private Variable twoReaders(Variable norm) {
    return norm.linear(first, null).add(norm.linear(second, null));
  }

  /** A copy by another strided layout: the engine makes it row-major, which has no recipe. */
  private static Variable withoutRecipe(Variable v) {
    return v.transpose(0, 1).reshape(WIDTH, ROWS).transpose(0, 1);
  }

  @Test
  void aNormIsComputedAgainOnceForAllItsReaders() {
    long between = run(in -> twoReaders(in.rmsNorm(gain, 1e-5)));
    assertEquals(INVERSE_ROOTS_BYTES, between);
    assertEquals(2, calls("rmsNorm"), "one for each pass");
  }

  @Test
  void theBitsAreThoseOfAKeptNorm() {
    assertSameGradientsAsKept(
        in -> twoReaders(in.rmsNorm(gain, 1e-5)),
        in -> twoReaders(withoutRecipe(in.rmsNorm(gain, 1e-5))));
  }

  /** silu and mul are recipes both: the second is computed from the first. */
  @Test
  void recipesAreMadeFromRecipes() {
    UnaryOperator<Variable> gated =
        in -> in.linear(first, null).silu().mul(in.rmsNorm(gain, 1e-5)).linear(second, null);
    long between = run(gated);
    assertEquals(
        ACTIVATION_BYTES + INVERSE_ROOTS_BYTES, between, "the product and the norm's roots");
    assertSameGradientsAsKept(
        gated,
        in ->
            withoutRecipe(
                    withoutRecipe(in.linear(first, null).silu())
                        .mul(withoutRecipe(in.rmsNorm(gain, 1e-5))))
                .linear(second, null));
  }

  @Test
  void whatCostsOperandsThatNobodyKeepsIsKeptItself() {
    // The sum's own backward pass reads nothing, so that its recipe would keep two tensors for one.
    long between =
        run(in -> in.linear(first, null).add(in.rmsNorm(gain, 1e-5)).linear(second, null));
    assertEquals(ACTIVATION_BYTES + INVERSE_ROOTS_BYTES, between);
  }

  @Test
  void aResultThatIsReadAfterItsPassIsKeptItself() {
    try (Scope _ = memory.step()) {
      Variable exponent = x.exp();
      Variable norm = exponent.rmsNorm(gain, 1e-5);
      norm.backward(upstream);
      exponent.data().storage().releaseFromScope();
      Variable later = norm.linear(first, null);
      assertTrue(later.requiresGrad());
    }
    run(this::twoReadersOf);
  }

  private Variable twoReadersOf(Variable in) {
    return twoReaders(in.rmsNorm(gain, 1e-5));
  }
}
