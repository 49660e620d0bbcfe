package dev.granula.tensor;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A block of device memory with its count of holders. Holders are the scope that it was made in and
 * what the engine saved for a backward pass; users never count. When the last holder lets go, the
 * block returns to the pool and every later access answers with {@link ReleasedTensorException}.
 *
 * <p>Not thread-safe: storages are held and released by the thread that drives the computation.
 */
public final class Storage {
  private final Device device;
  private final long byteSize;
  private @Nullable MemorySegment memory;
  private Pool.@Nullable Block block;
  private @Nullable Scope scope;
  private boolean inDefaultScope;
  private int holders = 1;

  Storage(Device device, long byteSize, MemorySegment memory, Pool.@Nullable Block block) {
    this.device = device;
    this.byteSize = byteSize;
    this.memory = memory;
    this.block = block;
  }

  public Device device() {
    return device;
  }

  public long byteSize() {
    return byteSize;
  }

  /**
   * The memory. On a device that is not the host only its address means something.
   *
   * @throws ReleasedTensorException if the block went back to the pool
   */
  public MemorySegment memory() {
    MemorySegment current = memory;
    if (current == null) {
      throw new ReleasedTensorException(
          "access: this tensor of %,d bytes on %s belonged to a step that is closed;"
                  .formatted(byteSize, device.name())
              + " read it before the step ends, or keep it with Scope.keep or Tensor.persistent");
    }
    return current;
  }

  public boolean isReleased() {
    return memory == null;
  }

  /** Weights, optimizer state and other memory that no scope ends. */
  public boolean isPersistent() {
    return memory != null && block == null;
  }

  /**
   * True if the caller's hold (or the scope's) is the only one: the memory may be reused in place.
   */
  public boolean isExclusive() {
    return holders == 1;
  }

  /** Adds a holder; each call needs one {@link #release}. */
  public void retain() {
    memory();
    holders++;
  }

  /** Drops a holder; the last one returns the block to the pool. A released storage stays so. */
  public void release() {
    if (memory == null || block == null) {
      return;
    }
    if (--holders == 0) {
      free();
    }
  }

  /** Ends the hold of the scope in which this was made, so that the remaining holders decide. */
  public void releaseFromScope() {
    if (scope != null || inDefaultScope) {
      scope = null;
      inDefaultScope = false;
      release();
    }
  }

  void enter(Scope owner) {
    scope = owner;
  }

  @Nullable Scope scope() {
    return scope;
  }

  Pool.@Nullable Block block() {
    return block;
  }

  void enterDefaultScope() {
    scope = null;
    inDefaultScope = true;
  }

  boolean isInDefaultScope() {
    return inDefaultScope;
  }

  void free() {
    Pool.Block freed = block;
    if (memory != null && freed != null) {
      memory = null;
      block = null;
      scope = null;
      inDefaultScope = false;
      holders = 0;
      device.memory().recycle(freed);
    }
  }
}
