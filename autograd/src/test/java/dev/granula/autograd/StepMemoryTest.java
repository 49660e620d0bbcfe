package dev.granula.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.Memory;
import dev.granula.tensor.ReleasedTensorException;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
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
