package dev.granula.bench.work;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Reads much native memory once, on several threads: what any kernel that must read it costs. */
final class PlainRead implements Runnable {
  /** Many times what caches hold. */
  static final long BYTES = 1L << 29;

  private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_PREFERRED;
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  private final MemorySegment memory = Arena.ofAuto().allocate(BYTES, 64);
  private final int threads;
  private final AtomicLong sum = new AtomicLong();

  PlainRead(int threads) {
    this.threads = threads;
    // Pages that were never written are all the same one.
    memory.fill((byte) 1);
  }

  @Override
  public void run() {
    long share = BYTES / threads / 64 * 64;
    List<Thread> readers = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      MemorySegment part = memory.asSlice(i * share, share);
      readers.add(Thread.ofPlatform().start(() -> sum.addAndGet(sum(part))));
    }
    try {
      for (Thread reader : readers) {
        reader.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while reading", e);
    }
  }

  /** Four independent sums, so that no addition waits for another. */
  private static long sum(MemorySegment part) {
    long width = LONGS.vectorByteSize();
    LongVector a = LongVector.zero(LONGS);
    LongVector b = a;
    LongVector c = a;
    LongVector d = a;
    for (long at = 0; at <= part.byteSize() - 4 * width; at += 4 * width) {
      a = a.add(LongVector.fromMemorySegment(LONGS, part, at, ORDER));
      b = b.add(LongVector.fromMemorySegment(LONGS, part, at + width, ORDER));
      c = c.add(LongVector.fromMemorySegment(LONGS, part, at + 2 * width, ORDER));
      d = d.add(LongVector.fromMemorySegment(LONGS, part, at + 3 * width, ORDER));
    }
    return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
  }
}
