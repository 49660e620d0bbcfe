package dev.granula.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The memory of one device. Inside a {@link #step()} everything comes from a pool and goes back
 * when the step closes. Outside of any step a default scope serves lessons and JShell lines: its
 * blocks return when the garbage collector finds their tensors unreachable, and it asks for a
 * collection whenever it has handed out {@link #DEFAULT_SCOPE_BYTES}. Weights and optimizer state
 * are persistent.
 */
public final class Memory {
  /** Bytes that the default scope hands out between two collections. */
  public static final long DEFAULT_SCOPE_BYTES = 256L << 20;

  /** Poisons freed host memory with NaN (all bits set), to find uses after a step was closed. */
  public enum Debug {
    OFF,
    POISON
  }

  /**
   * @param usedBytes bytes of blocks in use
   * @param peakBytes the largest {@code usedBytes} since the last {@link #resetPeak}
   * @param slabBytes bytes of native memory that the pool holds, used or free
   */
  public record Stats(long usedBytes, long peakBytes, long slabBytes) {}

  private final Device device;
  private final RawMemory raw;
  private final Pool pool;
  private final Debug debug;
  private final ThreadLocal<@Nullable Scope> current = new ThreadLocal<>();
  private final ReferenceQueue<Storage> unreachable = new ReferenceQueue<>();
  private final Set<Tracker> tracked = ConcurrentHashMap.newKeySet();
  private long defaultBytes;

  private static final class Tracker extends PhantomReference<Storage> {
    final Pool.Block block;
    final int generation;

    Tracker(Storage storage, Pool.Block block, ReferenceQueue<Storage> queue) {
      super(storage, queue);
      this.block = block;
      this.generation = block.generation;
    }
  }

  /** How a device gives out raw memory; contents are undefined, alignment is 64 bytes. */
  public interface RawMemory {
    /** A slab for the pool. */
    MemorySegment allocate(long byteSize);

    /** Memory that lives as long as any segment of it is reachable (host) or the device is open. */
    MemorySegment allocatePersistent(long byteSize);

    /** Takes slabs back that the pool no longer uses. */
    void release(List<MemorySegment> slabs);

    /** What the device can still give, or null if it does not say. */
    default @Nullable Room room() {
      return null;
    }
  }

  /**
   * Memory that a device can still give.
   *
   * @param limit what sets the bound, for messages
   */
  public record Room(long bytes, String limit) {}

  public Memory(Device device, RawMemory raw, Debug debug) {
    this.device = device;
    this.raw = raw;
    this.debug = debug;
    this.pool = new Pool(raw);
  }

  /** Opens a scope on this thread; nested scopes are cheap. */
  public Scope step() {
    return open(false);
  }

  /**
   * Opens a scope for intermediate results. What somebody still holds when it closes (gradients,
   * tensors saved for a backward pass) lives on in the enclosing scope, also where that is the
   * default scope, while {@link #step()} ends everything there.
   */
  public Scope scratch() {
    return open(true);
  }

  private Scope open(boolean handsOver) {
    Scope scope = new Scope(this, current.get(), handsOver);
    current.set(scope);
    return scope;
  }

  /** Bytes for one tensor of this step. The content is undefined. */
  public Storage allocate(long byteSize) {
    Scope scope = current.get();
    if (scope == null) {
      return allocateDefault(byteSize);
    }
    Storage storage = pooled(byteSize);
    scope.add(storage);
    return storage;
  }

  /** Bytes that no scope ends, for weights and optimizer state. The content is undefined. */
  public Storage allocatePersistent(long byteSize) {
    return new Storage(device, byteSize, raw.allocatePersistent(Math.max(1, byteSize)), null);
  }

  public Stats stats() {
    drain();
    return pool.stats();
  }

  /** What the device can still give, free blocks of the pool included; null if it does not say. */
  public @Nullable Room room() {
    Room left = raw.room();
    if (left == null) {
      return null;
    }
    Stats stats = stats();
    return new Room(left.bytes() + stats.slabBytes() - stats.usedBytes(), left.limit());
  }

  /** Bytes that a tensor of {@code byteSize} takes in a step. */
  public static long blockBytes(long byteSize) {
    return Pool.classBytes(Pool.sizeClass(byteSize));
  }

  public void resetPeak() {
    pool.resetPeak();
  }

  /**
   * Gives the pool's memory back to the system: all of it if no block is in use, else the free
   * blocks over 1 MiB, which share their memory with no other. True if that helped anybody.
   */
  public boolean trim() {
    drain();
    return pool.trim();
  }

  private Storage pooled(long byteSize) {
    Pool.Block block = pool.take(byteSize);
    MemorySegment memory = block.segment.asSlice(0, Math.max(1, byteSize));
    return new Storage(device, byteSize, memory, block);
  }

  private Storage allocateDefault(long byteSize) {
    drain();
    defaultBytes += byteSize;
    if (defaultBytes > DEFAULT_SCOPE_BYTES) {
      defaultBytes = byteSize;
      collect();
    }
    Storage storage = pooled(byteSize);
    track(storage);
    return storage;
  }

  private void track(Storage storage) {
    storage.enterDefaultScope();
    watch(storage);
  }

  /** Lets the collector return the block of {@code storage}, which its holders alone keep now. */
  void watch(Storage storage) {
    Pool.Block block = storage.block();
    if (block != null) {
      tracked.add(new Tracker(storage, block, unreachable));
    }
  }

  private void collect() {
    System.gc();
    try {
      if (unreachable.remove(100) instanceof Tracker first) {
        reclaim(first);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    drain();
  }

  private void drain() {
    while (unreachable.poll() instanceof Tracker tracker) {
      reclaim(tracker);
    }
  }

  private void reclaim(Tracker tracker) {
    tracked.remove(tracker);
    if (tracker.block.generation == tracker.generation) {
      recycle(tracker.block);
    }
  }

  void recycle(Pool.Block block) {
    poison(block);
    pool.give(block);
  }

  private void poison(Pool.Block block) {
    if (debug == Debug.POISON && device.isHost()) {
      block.segment.fill((byte) 0xff);
    }
  }

  void leave(Scope scope) {
    if (current.get() != scope) {
      throw new GranulaException(
          "close step: steps close in reverse order of opening, on the thread that opened them");
    }
    current.set(scope.parent());
  }

  void adopt(Storage storage, @Nullable Scope scope) {
    if (scope == null) {
      track(storage);
    } else {
      scope.add(storage);
    }
  }
}
