package dev.granula.tensor.internal.simd;

import dev.granula.tensor.expression.Program;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A loop that starts in the plain form and goes over to generated code where it is worth its
 * compilation. Once enough elements have passed, the generated loop is rehearsed: it computes the
 * first elements of a call into memory that nobody reads, so that C2 gets to compile it, and the
 * plain form still gives the results. It takes over when it has been the faster one several times
 * in a row. Both forms give the same bits, so that nothing but time depends on when that is.
 */
final class TwoFormLoop extends Loop {
  /** What a call weighs beside its elements, in elements. */
  private static final int CALL_ELEMENTS = 8192;

  /**
   * Elements of a run in rehearsal, a turn or a few of the loop: until C2 has compiled it its
   * vectors are objects, and C2 asks for many runs sooner than for long ones.
   */
  private static final int RUN_ELEMENTS = 64;

  /** Most runs of a rehearsal. */
  private static final int RUNS = 8;

  /**
   * Faster by chance, because the plain form lost its processor meanwhile, it is not that often.
   */
  private static final int WINS = 8;

  /** Without as many wins in a row by then, the plain form stays for good. */
  private static final int MOST_REHEARSALS = 10_000;

  private final Program program;
  private final long broadcast;
  private final Store store;
  private final Loop plain;

  /** Whether a thread rehearses at the moment; it owns the four fields below. */
  private final AtomicBoolean rehearsing = new AtomicBoolean();

  private @Nullable Loop candidate;
  private @Nullable MemorySegment stage;
  private int wins;
  private int rehearsals;

  /** Read without synchronization: a rehearsal too many does no harm. */
  private boolean givenUp;

  /** Counted without synchronization: what threads lose to one another only delays. */
  private long passed;

  private volatile @Nullable Loop generated;

  TwoFormLoop(Program program, long broadcast, Store store) {
    this.program = program;
    this.broadcast = broadcast;
    this.store = store;
    this.plain = new PlainLoop(program, broadcast, store);
    if (Simd.PLAIN_ELEMENTS == 0) {
      generated = LoopCompiler.compile(program, broadcast, store);
    }
  }

  /** The generated loop where it has taken over, else this. */
  Loop current() {
    Loop loop = generated;
    return loop == null ? this : loop;
  }

  @Override
  void run(
      MemorySegment[] in,
      long[] inOffset,
      double[] scalars,
      MemorySegment out,
      long outOffset,
      int n) {
    Loop loop = generated;
    if (loop != null) {
      loop.run(in, inOffset, scalars, out, outOffset, n);
    } else if (isDue(n) && rehearsing.compareAndSet(false, true)) {
      try {
        long start = System.nanoTime();
        int rehearsed = rehearse(in, inOffset, scalars, n);
        long end = System.nanoTime();
        plain.run(in, inOffset, scalars, out, outOffset, n);
        compare((double) (end - start) / rehearsed, (double) (System.nanoTime() - end) / n);
      } finally {
        rehearsing.set(false);
      }
    } else {
      plain.run(in, inOffset, scalars, out, outOffset, n);
    }
  }

  private boolean isDue(int n) {
    passed += n + CALL_ELEMENTS;
    return n > 0 && !givenUp && passed >= Simd.PLAIN_ELEMENTS;
  }

  /** Returns how many elements the generated loop computed. */
  private int rehearse(MemorySegment[] in, long[] inOffset, double[] scalars, int n) {
    Loop loop = candidate;
    if (loop == null) {
      loop = LoopCompiler.compile(program, broadcast, store);
      candidate = loop;
    }
    MemorySegment out = stage;
    if (out == null) {
      out = Arena.ofAuto().allocate(4L * Math.max(RUN_ELEMENTS, Store.PARTIALS), 64);
      stage = out;
    }
    int count = Math.min(n, RUN_ELEMENTS);
    int runs = Math.clamp(n / RUN_ELEMENTS, 1, RUNS);
    for (int i = 0; i < runs; i++) {
      loop.run(in, inOffset, scalars, out, 0, count);
    }
    return count * runs;
  }

  private void compare(double candidateNanos, double plainNanos) {
    wins = candidateNanos < plainNanos ? wins + 1 : 0;
    rehearsals++;
    if (wins == WINS) {
      generated = candidate;
    } else if (rehearsals == MOST_REHEARSALS) {
      givenUp = true;
      candidate = null;
      stage = null;
    }
  }
}
