package dev.granula.tensor;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed pool of threads for kernels. The caller takes part as worker 0. Workers spin for a short
 * while after a job, because the next kernel follows within microseconds, and park afterwards.
 * Tasks are claimed one by one; results do not depend on who runs what, since kernels cut their
 * work by shape alone.
 */
public final class Workers implements AutoCloseable {
  /** One part of a kernel; {@code worker} selects per-thread scratch. */
  @FunctionalInterface
  public interface Task {
    void run(int task, int worker);
  }

  private static final int SPINS = 20_000;
  private static final int SPINS_BEFORE_YIELD = 1_000;

  private static final class Job {
    final Task task;
    final int tasks;
    final AtomicInteger next = new AtomicInteger();
    final AtomicInteger unfinished;
    final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    Job(Task task, int tasks) {
      this.task = task;
      this.tasks = tasks;
      this.unfinished = new AtomicInteger(tasks);
    }

    void work(int worker) {
      for (int i = next.getAndIncrement(); i < tasks; i = next.getAndIncrement()) {
        try {
          task.run(i, worker);
        } catch (Throwable t) {
          failure.compareAndSet(null, t);
        } finally {
          unfinished.getAndDecrement();
        }
      }
    }
  }

  private final Thread[] threads;
  private volatile @Nullable Job job;
  private volatile boolean closed;

  /** {@code count} threads take part in every job, the caller included. */
  public Workers(int count) {
    threads = new Thread[Math.max(0, count - 1)];
    for (int i = 0; i < threads.length; i++) {
      int worker = i + 1;
      threads[i] =
          Thread.ofPlatform()
              .daemon()
              .name("granula-worker-" + worker)
              .unstarted(() -> loop(worker));
      threads[i].start();
    }
  }

  public int count() {
    return threads.length + 1;
  }

  /**
   * Runs tasks 0 to {@code tasks - 1} and returns when all are done. One caller at a time; a task
   * must not call this again.
   */
  public synchronized void run(int tasks, Task task) {
    if (tasks <= 1 || threads.length == 0) {
      for (int i = 0; i < tasks; i++) {
        task.run(i, 0);
      }
      return;
    }
    Job current = new Job(task, tasks);
    job = current;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
    current.work(0);
    for (int spins = 0; current.unfinished.get() > 0; spins++) {
      // A worker may have lost its processor to another program: waiting must not keep it off
      // longer.
      if (spins < SPINS_BEFORE_YIELD) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
    job = null;
    Throwable failure = current.failure.get();
    if (failure instanceof RuntimeException e) {
      throw e;
    }
    if (failure instanceof Error e) {
      throw e;
    }
  }

  private void loop(int worker) {
    Job last = null;
    int spins = 0;
    while (!closed) {
      Job current = job;
      if (current == null) {
        // A finished job reaches the tensors of its kernel, which the collector must be free to
        // take.
        last = null;
      }
      if (current != null && current != last) {
        current.work(worker);
        last = current;
        spins = 0;
      } else if (spins++ < SPINS) {
        Thread.onSpinWait();
      } else {
        LockSupport.parkNanos(this, 50_000_000);
        spins = SPINS - 100;
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
  }
}
