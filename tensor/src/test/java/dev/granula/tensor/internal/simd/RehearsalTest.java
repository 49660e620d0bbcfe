package dev.granula.tensor.internal.simd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class RehearsalTest {
  private static final long LARGE = 1L << 40;

  private final AtomicInteger calls = new AtomicInteger();

  @Test
  void smallCallsNeedNone() {
    Rehearsal rehearsal = new Rehearsal(() -> List.of(calls::incrementAndGet));
    for (int i = 0; i < 100_000; i++) {
      rehearsal.before(1 << 20);
    }
    assertEquals(0, calls.get());
  }

  @Test
  void aFewLargeCallsNeedNoneEither() {
    Rehearsal rehearsal = new Rehearsal(() -> List.of(calls::incrementAndGet));
    rehearsal.before(1 << 24);
    assertEquals(0, calls.get());
    for (int i = 0; i < 10; i++) {
      rehearsal.before(1 << 24);
    }
    assertTrue(calls.get() > 0);
  }

  @Test
  void theFirstLargeCallRehearsesUntilAllPartsAreFast() {
    Rehearsal rehearsal =
        new Rehearsal(
            () ->
                List.of(
                    () -> {
                      if (calls.incrementAndGet() < 1000) {
                        busy(10_000);
                      }
                    }));
    rehearsal.before(LARGE);
    assertTrue(calls.get() >= 1000, () -> "calls: " + calls.get());
    int before = calls.get();
    rehearsal.before(LARGE);
    assertEquals(before, calls.get());
  }

  @Test
  void givesUpWhatDoesNotBecomeFast() {
    Rehearsal rehearsal =
        new Rehearsal(
            () ->
                List.of(
                    () -> {
                      calls.incrementAndGet();
                      busy(5_000);
                    }));
    rehearsal.before(LARGE);
    int before = calls.get();
    assertTrue(0 < before && before <= Rehearsal.MOST_CALLS, () -> "calls: " + before);
    rehearsal.before(LARGE);
    assertEquals(before, calls.get());
  }

  private static void busy(long nanos) {
    long start = System.nanoTime();
    while (System.nanoTime() - start < nanos) {
      Thread.onSpinWait();
    }
  }
}
