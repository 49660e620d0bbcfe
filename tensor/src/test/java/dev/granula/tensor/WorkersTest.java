package dev.granula.tensor;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.ref.WeakReference;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

final class WorkersTest {
  /** Tensors that a kernel captured must be free to go when it has ended. */
  @Test
  void anIdleWorkerKeepsNothingOfItsLastJob() throws InterruptedException {
    try (Workers workers = new Workers(2)) {
      WeakReference<Object> captured = runOnBothThreads(workers);
      for (int i = 0; i < 100 && captured.get() != null; i++) {
        System.gc();
        Thread.sleep(10);
      }
      assertTrue(captured.refersTo(null), "a finished job is still reachable");
    }
  }

  private static WeakReference<Object> runOnBothThreads(Workers workers) {
    Object tensor = new Object();
    CountDownLatch together = new CountDownLatch(2);
    workers.run(
        2,
        (_, _) -> {
          together.countDown();
          try {
            together.await();
          } catch (InterruptedException e) {
            throw new AssertionError("no task may be interrupted on " + tensor, e);
          }
        });
    return new WeakReference<>(tensor);
  }
}
