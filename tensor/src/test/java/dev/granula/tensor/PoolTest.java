package dev.granula.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the pool does when its device has no memory left. */
final class PoolTest {
  private static final long MIB = 1 << 20;

  /** Counts bytes, and has {@code limit} of them. */
  private static final class Limited implements Memory.RawMemory {
    private final long limit;
    private long held;
    private int refusals;

    Limited(long limit) {
      this.limit = limit;
    }

    @Override
    public MemorySegment allocate(long byteSize) {
      if (held + byteSize > limit) {
        refusals++;
        throw new MemoryExhaustedException("limited", byteSize, held, new OutOfMemoryError());
      }
      held += byteSize;
      return Arena.ofAuto().allocate(byteSize, Pool.ALIGNMENT);
    }

    @Override
    public MemorySegment allocatePersistent(long byteSize) {
      return allocate(byteSize);
    }

    @Override
    public void release(List<MemorySegment> slabs) {
      slabs.forEach(slab -> held -= slab.byteSize());
    }
  }

  @Test
  void freeLargeSlabsGoBackBeforeTheDeviceIsExhausted() {
    Limited raw = new Limited(32 * MIB);
    Pool pool = new Pool(raw);
    Pool.Block small = pool.take(1);
    Pool.Block used = pool.take(8 * MIB);
    pool.give(pool.take(4 * MIB));
    pool.give(pool.take(12 * MIB));
    Pool.Block large = pool.take(16 * MIB);
    assertEquals(1, raw.refusals);
    assertEquals(32 * MIB, raw.held, "the slab of small blocks, 8 MiB in use, 16 MiB new");
    assertEquals(32 * MIB, pool.stats().slabBytes());
    pool.give(large);
    pool.give(used);
    pool.give(small);
    assertEquals(0, pool.stats().usedBytes());
    assertEquals(16 * MIB, pool.take(16 * MIB).segment.byteSize());
    assertEquals(32 * MIB, raw.held);
  }

  @Test
  void exhaustionPassesOnWhenNothingIsFree() {
    Limited raw = new Limited(12 * MIB);
    Pool pool = new Pool(raw);
    Pool.Block used = pool.take(8 * MIB);
    MemoryExhaustedException e =
        assertThrows(MemoryExhaustedException.class, () -> pool.take(5 * MIB));
    assertEquals(5 * MIB, e.requestedBytes());
    assertEquals(8 * MIB, pool.stats().usedBytes());
    assertEquals(8 * MIB, pool.stats().slabBytes());
    pool.give(used);
    assertThrows(MemoryExhaustedException.class, () -> pool.take(16 * MIB));
    assertEquals(0, pool.stats().slabBytes());
    assertEquals(0, raw.held);
  }
}
