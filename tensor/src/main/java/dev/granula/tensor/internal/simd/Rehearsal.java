package dev.granula.tensor.internal.simd;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Calls kernels on a few elements until they are fast, because C2 has compiled them, or for two
 * seconds at most, as where there is no C2. Kernels are called rarely and run long. Left to
 * themselves they would stay in the interpreter and in the first compiler's code, where each vector
 * is an object, for more than a second, and C2 would compile them in the middle of their loops
 * first: a large and slow version that is soon thrown away.
 *
 * <p>A part must go both ways at each branch: C2 leaves out what it has not seen, and begins again
 * once it comes by.
 */
final class Rehearsal {
  /** Depth of a tile in rehearsal: enough for C2 to see a loop. */
  static final int DEPTH = 32;

  /** Calls of fewer multiply-adds do not count. */
  private static final long LEAST_WORK = 1L << 23;

  /** A program that calls for less in all is over before a rehearsal has paid. */
  private static final long LEAST_IN_ALL = 1L << 26;

  private static final int CALLS = 16;

  /** Compiled tiles take a fifth of that for {@link #DEPTH}, others ten times as long. */
  private static final long COMPILED_NANOS = 2_000;

  /**
   * C2 asks for some hundred calls with 15,000 turns, several times that while its queue is long.
   */
  static final int MOST_CALLS = 20_000;

  private static final long MOST_NANOS = 2_000_000_000L;

  /**
   * For the tiles of products and of attention: whoever needs one of them will most likely need the
   * others, and C2 compiles some while the others are on their way.
   */
  static final Rehearsal TILES =
      new Rehearsal(
          () ->
              Stream.of(SimdAttention.rehearsals(), MatmulKernel.rehearsals())
                  .flatMap(List::stream)
                  .toList());

  private final Supplier<List<Runnable>> parts;
  private volatile boolean over;

  /** Counted without synchronization: what threads lose to one another only delays. */
  private long passed;

  Rehearsal(Supplier<List<Runnable>> parts) {
    this.parts = parts;
  }

  /** To be called before a kernel does {@code work} multiply-adds; one of the first waits. */
  void before(long work) {
    if (!over && work >= LEAST_WORK) {
      passed += work;
      if (passed >= LEAST_IN_ALL) {
        run();
      }
    }
  }

  /** All parts in turn, so that C2 has some to compile while others reach its threshold. */
  private synchronized void run() {
    if (over) {
      return;
    }
    List<Runnable> left = new ArrayList<>(parts.get());
    long start = System.nanoTime();
    for (int calls = 0; calls < MOST_CALLS && !left.isEmpty(); calls += CALLS) {
      left.removeIf(Rehearsal::isFast);
      if (System.nanoTime() - start > MOST_NANOS) {
        break;
      }
    }
    over = true;
  }

  /** Calls a part some times. */
  private static boolean isFast(Runnable part) {
    long start = System.nanoTime();
    for (int i = 0; i < CALLS; i++) {
      part.run();
    }
    return System.nanoTime() - start < CALLS * COMPILED_NANOS;
  }
}
