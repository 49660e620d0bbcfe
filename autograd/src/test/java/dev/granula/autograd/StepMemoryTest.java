package dev.granula.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.Memory;
import dev.granula.tensor.ReleasedTensorException;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** When the memory of a pass comes back, in bytes of the pool. */
final class StepMemoryTest {
  /** The pool's smallest block: a scalar takes that much. */
  private static final long SCALAR_BYTES = 256;

  private static final int ROWS = 64;
  private static final int WIDTH = 32;
  private static final long ACTIVATION_BYTES = ROWS * WIDTH * Double.BYTES;

  private final SpyDevice device = new SpyDevice();
  private final Memory memory = device.memory();

  private Tensor persistent(long... dims) {
    return device.persistent(new Points(1).any(dims));
  }

  private long used() {
    return memory.stats().usedBytes();
  }

  @AfterEach
  void nothingIsOutstanding() {
    assertEquals(0, used());
  }

  @Test
  void savedTensorsOutliveTheirScopeUntilThePassHasGoneBy() {
    Variable x = Variable.leaf(persistent(ROWS, WIDTH));
    Variable w = Variable.leaf(persistent(WIDTH));
    try (Scope _ = memory.step()) {
      Variable loss;
      try (Scope forward = memory.step()) {
        loss = x.exp().rmsNorm(w, 1e-5).softmax().tanh().sum();
        forward.keep(loss.data());
      }
      // exp, rmsNorm's inverse root, softmax and tanh are read again; the norm's result is not.
      long kept = used();
      assertTrue(kept >= 3 * ACTIVATION_BYTES && kept < 4 * ACTIVATION_BYTES, "kept " + kept);
      loss.backward();
      assertEquals(2 * SCALAR_BYTES, used(), "the loss and its seed");
    }
  }

  @Test
  void scratchThatIsNotSavedEndsWithItsOp() {
    Variable x = Variable.leaf(persistent(ROWS, WIDTH));
    Variable w = Variable.leaf(persistent(WIDTH));
    try (Scope _ = memory.step()) {
      Variable y = Autograd.noGrad(() -> x.rmsNorm(w, 1e-5));
      assertEquals(ACTIVATION_BYTES, used(), y.toString());
    }
  }

  @Test
  void scratchThatIsSavedEndsWithThePass() {
    Variable x = Variable.leaf(persistent(ROWS, WIDTH));
    Variable w = Variable.leaf(persistent(WIDTH));
    try (Scope _ = memory.step()) {
      Variable y = x.rmsNorm(w, 1e-5);
      assertEquals(ACTIVATION_BYTES + ROWS * Double.BYTES, used());
      y.backward(y.data());
      assertEquals(ACTIVATION_BYTES, used());
    }
  }

  @Test
  void gradientBuffersAreReusedInsideAStep() {
    Variable x = Variable.leaf(persistent(ROWS, WIDTH));
    try (Scope _ = memory.step()) {
      Variable y = x;
      for (int i = 0; i < 50; i++) {
        y = y.tanh();
      }
      Variable loss = y.sum();
      memory.resetPeak();
      long before = used();
      loss.backward();
      long extra = memory.stats().peakBytes() - before;
      assertTrue(extra <= 2 * ACTIVATION_BYTES + 4 * SCALAR_BYTES, "extra " + extra);
    }
  }

  @Test
  void poolAndParametersDoNotGrowOverSteps() {
    Variable x = Variable.leaf(persistent(ROWS, WIDTH));
    Variable w = Variable.leaf(persistent(WIDTH, WIDTH));
    long slabs = 0;
    int persistent = 0;
    for (int step = 0; step < 20; step++) {
      try (Scope _ = memory.step()) {
        x.zeroGrad();
        x.linear(w, null).silu().softmax().sum().backward();
      }
      assertEquals(0, used());
      if (step == 0) {
        slabs = memory.stats().slabBytes();
        persistent = device.persistentAllocations();
      }
    }
    assertEquals(slabs, memory.stats().slabBytes());
    assertEquals(persistent, device.persistentAllocations());
  }

  /** The gradient slot alone holds such a gradient; no scope does. */
  @Test
  void keepTakesOverTheGradientOfALeaf() {
    try (Scope _ = memory.step()) {
      Variable leaf = Variable.leaf(Tensor.of(device, new double[] {3, -1}, 2));
      Tensor kept;
      try (Scope inner = memory.step()) {
        leaf.mul(leaf).sum().backward();
        kept = inner.keep(gradient(leaf));
        leaf.zeroGrad();
        assertArrayEquals(new double[] {6, -2}, kept.toDoubleArray());
      }
      assertArrayEquals(new double[] {6, -2}, kept.toDoubleArray());
    }
  }

  @Test
  void keepInTheOutermostScopeSavesTheGradientOfALeaf() {
    Memory own = Points.DEVICE.memory();
    Tensor kept;
    try (Scope step = own.step()) {
      Variable x = Variable.leaf(Tensor.of(Points.DEVICE, new double[] {3, -1}, 2));
      x.mul(x).sum().backward();
      kept = step.keep(gradient(x));
    }
    assertArrayEquals(new double[] {6, -2}, kept.toDoubleArray());
  }

  /** What no scope of this thread ends must not come under one by being kept. */
  @Test
  void keepLeavesAGradientFromOutsideAlone() {
    Variable x = Variable.leaf(Tensor.of(Points.DEVICE, new double[] {3, -1}, 2));
    x.mul(x).sum().backward();
    try (Scope _ = Points.DEVICE.memory().step()) {
      try (Scope inner = Points.DEVICE.memory().step()) {
        inner.keep(gradient(x));
      }
    }
    assertArrayEquals(new double[] {6, -2}, gradient(x).toDoubleArray());
  }

  private static Tensor gradient(Variable variable) {
    return Objects.requireNonNull(variable.grad());
  }

  @Test
  void aFailingForwardPassLeaksNothing() {
    Variable x = Variable.leaf(persistent(ROWS, WIDTH));
    Variable w = Variable.leaf(persistent(WIDTH));
    device.failAt("rmsNorm");
    assertThrows(
        SpyDevice.PlannedFailure.class,
        () -> {
          try (Scope _ = memory.step()) {
            x.exp().rmsNorm(w, 1e-5);
          }
        });
    device.failAt(null);
  }

  @Test
  void aClosedStepAnswersWithAnError() {
    Variable x = Variable.leaf(persistent(ROWS, WIDTH));
    Variable loss;
    try (Scope _ = memory.step()) {
      loss = x.exp().sum();
    }
    assertThrows(ReleasedTensorException.class, loss::item);
    try (Scope _ = memory.step()) {
      assertThrows(ReleasedTensorException.class, loss::backward);
    }
  }
}
