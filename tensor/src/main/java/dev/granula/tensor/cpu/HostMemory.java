package dev.granula.tensor.cpu;

import dev.granula.tensor.Memory;
import dev.granula.tensor.MemoryExhaustedException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Native memory in automatic arenas: it lives as long as any segment of it is reachable, and no
 * thread ever waits for an arena to close.
 */
final class HostMemory implements Memory.RawMemory {
  private static final long ALIGNMENT = 64;
  private static final long CHUNK_BYTES = 4L << 20;

  /** Larger persistent requests get an arena of their own, so that they can be freed alone. */
  private static final long OWN_ARENA_BYTES = 1L << 20;

  private static final Cleaner CLEANER = Cleaner.create();

  private final String device;
  private final AtomicLong heldBytes = new AtomicLong();
  private MemorySegment chunk = MemorySegment.NULL;
  private long carved;

  HostMemory(String device) {
    this.device = device;
  }

  @Override
  public MemorySegment allocate(long byteSize) {
    Arena arena = Arena.ofAuto();
    MemorySegment segment;
    try {
      segment = arena.allocate(byteSize, ALIGNMENT);
    } catch (OutOfMemoryError e) {
      throw new MemoryExhaustedException(device, byteSize, heldBytes.get(), e);
    }
    AtomicLong held = heldBytes;
    held.addAndGet(byteSize);
    CLEANER.register(segment.scope(), () -> held.addAndGet(-byteSize));
    return segment;
  }

  /** Small ones share a chunk, which lives until the last of them is unreachable. */
  @Override
  public synchronized MemorySegment allocatePersistent(long byteSize) {
    if (byteSize > OWN_ARENA_BYTES) {
      return allocate(byteSize);
    }
    if (chunk.byteSize() - carved < byteSize) {
      chunk = allocate(CHUNK_BYTES);
      carved = 0;
    }
    MemorySegment range = chunk.asSlice(carved, byteSize);
    carved += (byteSize + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return range;
  }

  @Override
  public Memory.Room room() {
    return HostRoom.beside(heldBytes.get());
  }

  /** The pool has dropped its slabs; the collector frees what nobody reaches any more. */
  @Override
  public void release(List<MemorySegment> slabs) {}
}
