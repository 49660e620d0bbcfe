package dev.granula.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

final class CheckpointTest {
  private static final int WIDTH = 6;

  private final SpyDevice device = new SpyDevice();
  private final Points points = new Points(11);
  private final RandomStream random = new RandomStream(5);

  private Tensor any(long... dims) {
    return device.persistent(points.any(dims));
  }

  private Variable parameter(long... dims) {
    return Variable.leaf(any(dims));
  }

  /** A residual block with dropout, as a decoder layer has it. */
  private UnaryOperator<Variable> block(Variable norm, Variable weight) {
    return x -> x.add(x.rmsNorm(norm, 1e-5).linear(weight, null).silu().dropout(0.3, random));
  }

  private record Outcome(double loss, List<double[]> gradients) {}

  private Outcome train(UnaryOperator<Variable> model, Variable input, Variable... leaves) {
    random.seek(0);
    List<double[]> gradients = new ArrayList<>();
    try (Scope _ = device.memory().step()) {
      Variable loss = model.apply(input).mul(Variable.constant(input.data())).sum();
      long drawn = random.position();
      loss.backward();
      assertEquals(drawn, random.position());
      for (Variable leaf : leaves) {
        Tensor gradient = leaf.grad();
        assertNotNull(gradient);
        gradients.add(gradient.toDoubleArray());
        leaf.zeroGrad();
      }
      return new Outcome(loss.item(), gradients);
    } finally {
      assertEquals(0, device.memory().stats().usedBytes());
    }
  }

  private static void assertSameBits(Outcome expected, Outcome actual) {
    assertEquals(expected.loss, actual.loss);
    for (int i = 0; i < expected.gradients.size(); i++) {
      assertArrayEquals(expected.gradients.get(i), actual.gradients.get(i));
    }
  }

  private UnaryOperator<Variable> checkpointed(UnaryOperator<Variable> segment) {
    return x -> Autograd.checkpoint(segment, random, x);
  }

  private static UnaryOperator<Variable> chain(
      UnaryOperator<Variable> first, UnaryOperator<Variable> second) {
    return x -> second.apply(first.apply(x));
  }

  @Test
  void givesTheSameBitsWithDropoutInside() {
    Variable x = Variable.leaf(any(4, WIDTH));
    Variable[] w = {parameter(WIDTH), parameter(WIDTH, WIDTH), parameter(WIDTH, WIDTH)};
    var one = block(w[0], w[1]);
    var two = block(w[0], w[2]);
    Variable[] leaves = {x, w[0], w[1], w[2]};
    Outcome plain = train(chain(one, two), x, leaves);
    assertSameBits(plain, train(chain(checkpointed(one), checkpointed(two)), x, leaves));
    assertSameBits(plain, train(checkpointed(chain(one, two)), x, leaves));
    assertSameBits(
        plain, train(checkpointed(chain(checkpointed(one), checkpointed(two))), x, leaves));
  }

  @Test
  void parametersGetGradientsWhenTheInputNeedsNone() {
    Variable x = Variable.constant(any(4, WIDTH));
    Variable norm = parameter(WIDTH);
    Variable weight = parameter(WIDTH, WIDTH);
    var segment = block(norm, weight);
    Outcome plain = train(segment, x, norm, weight);
    assertSameBits(plain, train(checkpointed(segment), x, norm, weight));
  }

  @Test
  void whatTheSegmentReadsFromOutsideIsVisitedAfterIt() {
    Variable x = parameter(3, WIDTH);
    Variable w = parameter(3, WIDTH);
    List<Double> seen = new ArrayList<>();
    w.onGradient(
        g -> {
          seen.add(g.toDoubleArray()[0]);
          return g;
        });
    // The gate is computed outside, used inside of both segments and once more afterwards.
    Outcome plain = train(v -> gated(v, w, false), x, x, w);
    Outcome saved = train(v -> gated(v, w, true), x, x, w);
    assertEquals(plain.loss, saved.loss);
    for (int i = 0; i < 2; i++) {
      assertArrayEquals(plain.gradients.get(i), saved.gradients.get(i), 1e-12);
    }
    assertEquals(2, seen.size());
    assertEquals(seen.get(0), seen.get(1), 1e-12);
  }

  private Variable gated(Variable v, Variable w, boolean checkpointed) {
    Variable gate = w.sigmoid();
    UnaryOperator<Variable> inner = u -> u.mul(gate).tanh().mul(w);
    UnaryOperator<Variable> segment = checkpointed ? checkpointed(inner) : inner;
    UnaryOperator<Variable> outer = u -> segment.apply(u.exp()).add(gate);
    Variable once = checkpointed ? checkpointed(outer).apply(v) : outer.apply(v);
    return segment.apply(once).mul(gate);
  }

  @Test
  void theInputMayBeReadFromOutsideToo() {
    Variable x = parameter(5);
    Outcome plain = train(v -> v.mul(x).exp(), x, x);
    assertSameBits(plain, train(v -> Autograd.checkpoint(u -> u.mul(x).exp(), null, v), x, x));
  }

  @Test
  void passesItsInputAndForeignVariablesThrough() {
    Variable x = parameter(3);
    Variable w = parameter(3);
    Outcome plain = train(v -> v.mul(w), x, x, w);
    assertSameBits(
        plain,
        train(
            v -> Autograd.checkpoint(u -> u, null, v).mul(Autograd.checkpoint(_ -> w, null, v)),
            x,
            x,
            w));
  }

  @Test
  void whatNeedsNoGradientAddsNoNode() {
    Variable x = Variable.constant(any(3));
    assertNull(Autograd.checkpoint(Variable::exp, null, x).node());
    Variable leaf = Variable.leaf(any(3));
    assertNull(Autograd.noGrad(() -> Autograd.checkpoint(Variable::exp, null, leaf)).node());
    Variable hidden = Autograd.checkpoint(u -> Autograd.noGrad(() -> u.mul(leaf)), null, x);
    assertFalse(hidden.requiresGrad());
    assertTrue(Autograd.checkpoint(u -> u.mul(leaf), null, x).requiresGrad());
  }

  /** Two products forward, one of them again, and two backward for each. */
  @Test
  void theLastProductIsNotRepeated() {
    Variable x = Variable.leaf(any(4, WIDTH));
    Variable[] w = {parameter(WIDTH, WIDTH), parameter(WIDTH, WIDTH)};
    UnaryOperator<Variable> segment = in -> in.add(in.linear(w[0], null).silu().linear(w[1], null));
    Outcome plain = train(segment, x, x, w[0], w[1]);
    device.forget();
    assertSameBits(plain, train(checkpointed(segment), x, x, w[0], w[1]));
    assertEquals(2 + 1 + 4, Collections.frequency(device.kernels(), "matmul"));
  }

  /** A sum and a product whose operands are gone from their scope when they are read at last. */
  @Test
  void whatIsReadAfterAllIsComputedThen() {
    Variable x = Variable.leaf(any(4, WIDTH));
    Variable w = parameter(WIDTH, WIDTH);
    UnaryOperator<Variable> segment =
        in -> {
          Variable product;
          try (Scope scope = device.memory().scratch()) {
            Variable hidden = in.exp();
            product = hidden.add(hidden).linear(w, null);
            scope.keep(product.deferredData());
          }
          boolean positive = product.data().toDoubleArray()[0] > 0;
          return product.reshape(WIDTH, 4).permute(1, 0).linear(w, null).scale(positive ? 2 : 3);
        };
    Variable[] leaves = {x, w};
    Outcome plain = train(v -> segment.apply(v).reshape(4, WIDTH), x, leaves);
    assertSameBits(plain, train(v -> checkpointed(segment).apply(v).reshape(4, WIDTH), x, leaves));
  }

  @Test
  void isAFunctionThatGradCheckAccepts() {
    GradCheck.standard()
        .check(
            "checkpoint",
            in -> Autograd.checkpoint(u -> u.tanh().matmul(in.get(1)), null, in.get(0).exp()),
            points.transposed(3, 4),
            points.any(4, 2))
        .orThrow();
  }

  @Test
  void allocatesNothingPersistent() {
    Variable x = parameter(4);
    try (Scope _ = device.memory().step()) {
      Autograd.checkpoint(Variable::exp, null, x).sum().backward();
    }
    int after = device.persistentAllocations();
    try (Scope _ = device.memory().step()) {
      x.zeroGrad();
      Autograd.checkpoint(Variable::exp, null, x).sum().backward();
    }
    assertEquals(after, device.persistentAllocations());
  }

  @Test
  void aFailureInTheSecondRunRestoresTheStream() {
    Variable x = parameter(4);
    try (Scope _ = device.memory().step()) {
      Variable loss = Autograd.checkpoint(u -> u.dropout(0.5, random).softmax(), random, x).sum();
      long position = random.position();
      device.failAt("softmax");
      assertThrows(SpyDevice.PlannedFailure.class, loss::backward);
      assertEquals(position, random.position());
    }
    device.failAt(null);
    assertEquals(0, device.memory().stats().usedBytes());
  }

  @Test
  void needsLessMemory() {
    Variable x = parameter(64, WIDTH);
    Variable norm = parameter(WIDTH);
    Variable weight = parameter(WIDTH, WIDTH);
    var segment = block(norm, weight);
    UnaryOperator<Variable> plain = u -> u;
    UnaryOperator<Variable> saving = u -> u;
    for (int layer = 0; layer < 8; layer++) {
      plain = chain(plain, segment);
      saving = chain(saving, checkpointed(segment));
    }
    long all = peak(plain, x);
    long few = peak(saving, x);
    assertTrue(few < 0.5 * all, () -> "%d of %d bytes".formatted(few, all));
  }

  private long peak(UnaryOperator<Variable> model, Variable x) {
    try (Scope _ = device.memory().step()) {
      device.memory().resetPeak();
      model.apply(x).sum().backward();
      return device.memory().stats().peakBytes();
    }
  }
}
