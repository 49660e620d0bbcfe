package dev.granula.tensor;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.cpu.CpuDevice;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Scopes, the pool behind them, and the default scope outside of any. */
final class MemoryTest {
  private static final Shape SHAPE = Shape.of(100, 10);

  private final CpuDevice device = CpuDevice.of("reference", 1, Memory.Debug.POISON);
  private final Memory memory = device.memory();

  private Tensor make() {
    return Tensor.full(device, DType.F32, SHAPE, 3);
  }

  @Test
  void closingAScopeReleasesWhatWasMadeInIt() {
    Tensor tensor;
    try (Scope _ = memory.step()) {
      tensor = make();
      assertTrue(memory.stats().usedBytes() >= 4000);
    }
    assertTrue(tensor.storage().isReleased());
    assertEquals(0, memory.stats().usedBytes());
    ReleasedTensorException e = assertThrows(ReleasedTensorException.class, tensor::toFloatArray);
    assertTrue(e.getMessage().contains("4,000 bytes on cpu:reference"), e.getMessage());
    assertTrue(e.getMessage().contains("Scope.keep"), e.getMessage());
  }

  @Test
  void deferredContentIsComputedOnce() {
    AtomicInteger computations = new AtomicInteger();
    try (Scope _ = memory.step()) {
      Tensor operand = make();
      Tensor result = Tensor.empty(device, DType.F32, SHAPE);
      Runnable computation =
          () -> {
            computations.incrementAndGet();
            device.backend().copy(operand, result);
          };
      result.storage().defer(List.of(operand.storage()), computation);
      operand.storage().releaseFromScope();
      assertThrows(IllegalStateException.class, () -> result.load(5));
      assertEquals(0, computations.get());
      result.storage().settle();
      result.storage().settle();
      assertEquals(3, result.load(5));
      assertEquals(1, computations.get());
      assertTrue(operand.storage().isReleased());
    }
    assertEquals(0, memory.stats().usedBytes());
  }

  @Test
  void deferredContentThatNobodyReadsFreesItsOperands() {
    try (Scope _ = memory.step()) {
      Tensor first = make();
      Tensor second = make();
      Runnable failure =
          () -> {
            throw new AssertionError("computed");
          };
      try (Scope _ = memory.step()) {
        Tensor result = make();
        result.storage().defer(List.of(first.storage()), failure);
        first.storage().releaseFromScope();
        assertFalse(first.storage().isReleased());
      }
      assertTrue(first.storage().isReleased());
      Tensor given = make();
      given.storage().defer(List.of(second.storage()), failure);
      second.storage().releaseFromScope();
      given.storage().abandon();
      assertTrue(second.storage().isReleased());
      assertThrows(IllegalStateException.class, () -> given.load(0));
    }
    assertEquals(0, memory.stats().usedBytes());
  }

  @Test
  void nestedScopesEndInnermostFirst() {
    try (Scope _ = memory.step()) {
      Tensor outer = make();
      Tensor inner;
      try (Scope _ = memory.step()) {
        inner = make();
      }
      assertTrue(inner.storage().isReleased());
      assertFalse(outer.storage().isReleased());
    }
    assertEquals(0, memory.stats().usedBytes());
  }

  @Test
  void keepHandsATensorToTheEnclosingScope() {
    Tensor kept;
    try (Scope _ = memory.step()) {
      try (Scope inner = memory.step()) {
        kept = inner.keep(make());
      }
      assertEquals(3, kept.load(0));
    }
    assertTrue(kept.storage().isReleased());
    assertEquals(0, memory.stats().usedBytes());
  }

  @Test
  void keepInTheOutermostScopeHandsToTheDefaultScope() {
    Tensor kept;
    try (Scope step = memory.step()) {
      kept = step.keep(make());
    }
    assertEquals(3, kept.load(0));
  }

  /** What the engine does with a tensor saved for backward inside a checkpointed segment. */
  @Test
  void aRetainedStorageOutlivesItsScopeUntilItIsReleased() {
    try (Scope _ = memory.step()) {
      Tensor saved;
      try (Scope _ = memory.step()) {
        saved = make();
        saved.storage().retain();
      }
      assertEquals(3, saved.load(0));
      saved.storage().release();
      assertTrue(saved.storage().isReleased());
      assertEquals(0, memory.stats().usedBytes());
    }
    assertEquals(0, memory.stats().usedBytes());
  }

  @Test
  void theOutermostScopeEndsWhatIsStillRetained() {
    Tensor saved;
    try (Scope _ = memory.step()) {
      saved = make();
      saved.storage().retain();
    }
    assertTrue(saved.storage().isReleased());
    assertDoesNotThrow(() -> saved.storage().release());
    assertEquals(0, memory.stats().usedBytes());
  }

  /** A dead gradient is reused inside the step. */
  @Test
  void releaseFromScopeGivesTheBlockToTheNextTensor() {
    try (Scope _ = memory.step()) {
      Tensor dead = make();
      long address = dead.memory().address();
      dead.storage().releaseFromScope();
      dead.storage().releaseFromScope();
      assertTrue(dead.storage().isReleased());
      Tensor next = Tensor.empty(device, DType.F32, SHAPE);
      assertEquals(address, next.memory().address());
    }
    assertEquals(0, memory.stats().usedBytes());
  }

  @Test
  void releaseFromScopeWaitsForOtherHolders() {
    try (Scope _ = memory.step()) {
      Tensor shared = make();
      shared.storage().retain();
      assertFalse(shared.storage().isExclusive());
      shared.storage().releaseFromScope();
      assertTrue(shared.storage().isExclusive());
      assertEquals(3, shared.load(0));
      shared.storage().release();
      assertTrue(shared.storage().isReleased());
    }
  }

  @Test
  void freedMemoryIsPoisoned() {
    try (Scope _ = memory.step()) {
      make().storage().releaseFromScope();
      assertTrue(Double.isNaN(Tensor.empty(device, DType.F32, SHAPE).load(999)));
    }
  }

  @Test
  void aWarmPoolAllocatesNothing() {
    step();
    long warm = memory.stats().slabBytes();
    for (int i = 0; i < 100; i++) {
      step();
      assertEquals(warm, memory.stats().slabBytes());
      assertEquals(0, memory.stats().usedBytes());
    }
  }

  private void step() {
    try (Scope _ = memory.step()) {
      for (int i = 1; i < 40; i++) {
        Tensor.empty(device, DType.F32, Shape.of(i, 1000));
        Tensor.empty(device, DType.F32, Shape.of(i * 37L)).storage().releaseFromScope();
      }
      Tensor.empty(device, DType.F32, Shape.of(3 << 20));
    }
  }

  @Test
  void peakIsTheLargestUse() {
    try (Scope _ = memory.step()) {
      Tensor.empty(device, DType.F32, Shape.of(1 << 20)).storage().releaseFromScope();
      Tensor.empty(device, DType.F32, Shape.of(1 << 18));
    }
    assertEquals(4 << 20, memory.stats().peakBytes());
    memory.resetPeak();
    assertEquals(0, memory.stats().peakBytes());
  }

  @Test
  void scopesCloseInReverseOrderOrNotAtAll() {
    Scope outer = memory.step();
    Tensor tensor = make();
    Scope inner = memory.step();
    assertThrows(GranulaException.class, outer::close);
    assertFalse(tensor.storage().isReleased());
    inner.close();
    outer.close();
    outer.close();
    assertTrue(tensor.storage().isReleased());
    assertEquals(0, memory.stats().usedBytes());
  }

  @Test
  void scopesCloseOnTheirOwnThread() throws InterruptedException {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    try (Scope step = memory.step()) {
      Thread thread = new Thread(step::close);
      thread.setUncaughtExceptionHandler((_, e) -> failure.set(e));
      thread.start();
      thread.join();
      assertEquals(3, make().load(0));
    }
    assertTrue(failure.get() instanceof GranulaException, String.valueOf(failure.get()));
  }

  /** 4 GiB pass through, while the default scope promises to collect at 256 MiB. */
  @Test
  void theDefaultScopeReusesWhatTheCollectorFinds() {
    try (CpuDevice own = CpuDevice.reference()) {
      for (int i = 0; i < 512; i++) {
        Tensor.empty(own, DType.F32, Shape.of(2 << 20));
      }
      assertTrue(own.memory().stats().slabBytes() <= 3 * Memory.DEFAULT_SCOPE_BYTES);
    }
  }

  @Test
  void persistentTensorsOutliveEveryScope() {
    Tensor weight;
    try (Scope _ = memory.step()) {
      weight = make().persistent();
    }
    assertEquals(3, weight.load(999));
    assertTrue(weight.storage().isPersistent());
    weight.storage().release();
    assertEquals(3, weight.load(999));
  }

  @Test
  void trimEmptiesAPoolThatNobodyUses() {
    try (Scope _ = memory.step()) {
      make();
      assertFalse(memory.trim());
    }
    assertTrue(memory.trim());
    assertEquals(0, memory.stats().slabBytes());
    try (Scope _ = memory.step()) {
      assertEquals(3, make().load(0));
    }
  }

  @Test
  void sizeClassesWasteAtMostAQuarter() {
    for (long bytes = 1; bytes < 1 << 24; bytes = bytes * 9 / 8 + 1) {
      int sizeClass = Pool.sizeClass(bytes);
      long given = Pool.classBytes(sizeClass);
      assertTrue(given >= bytes, bytes + " bytes in " + given);
      assertTrue(bytes < 1024 || given <= bytes + bytes / 4 + 64, bytes + " bytes in " + given);
      assertTrue(sizeClass == 0 || Pool.classBytes(sizeClass - 1) < bytes, "class too large");
    }
  }
}
