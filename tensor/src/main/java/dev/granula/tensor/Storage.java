package dev.granula.tensor;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A block of device memory with its count of holders. Holders are the scope that it was made in and
 * what the engine saved or deferred; users never count. When the last holder lets go, the block
 * returns to the pool and every later access answers with {@link ReleasedTensorException}.
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
  private @Nullable Deferred deferred;

  private boolean abandoned;

  /** What computes the content, what it reads, and {@link #deferredDepth}. */
  private record Deferred(List<Storage> operands, Runnable computation, int depth) {}

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
   * @throws IllegalStateException if the content is still deferred, or was abandoned
   */
  public MemorySegment memory() {
    MemorySegment current = held();
    if (deferred != null || abandoned) {
      throw new IllegalStateException(
          abandoned
              ? "access: this result was not computed a second time, since nothing needed it while"
                  + " its segment ran again for its gradients; read it before its backward pass"
              : "access: this result is computed when its variable is read (Variable.data)");
    }
    return current;
  }

  /** The memory, whether its content is there or not. */
  private MemorySegment held() {
    MemorySegment current = memory;
    if (current == null) {
      throw new ReleasedTensorException(
          "access: this tensor of %,d bytes on %s belonged to a step that is closed;"
                  .formatted(byteSize, device.name())
              + " read it before the step ends, or keep it with Scope.keep or Tensor.persistent");
    }
    return current;
  }

  /**
   * Leaves the content to {@code computation}, which {@link #settle} runs. Until then this holds
   * {@code operands}.
   */
  public void defer(List<Storage> operands, Runnable computation) {
    operands.forEach(Storage::retain);
    int depth = 1 + operands.stream().mapToInt(Storage::deferredDepth).max().orElse(0);
    deferred = new Deferred(operands, computation, depth);
  }

  /** How many deferred computations, one behind the other, the content waits for. */
  public int deferredDepth() {
    return deferred == null ? 0 : deferred.depth;
  }

  /**
   * Runs the computation that was deferred, if there is one. Whoever hands out a tensor that may
   * wait for one calls this first: kernels access operands from several threads at once.
   */
  public void settle() {
    Deferred due = deferred;
    if (due == null) {
      return;
    }
    due.operands.forEach(Storage::settle);
    deferred = null;
    try {
      due.computation.run();
    } catch (RuntimeException | Error e) {
      abandoned = true;
      throw e;
    } finally {
      due.operands.forEach(Storage::release);
    }
  }

  /** Gives up a computation that was deferred; an access is an error from now on. */
  public void abandon() {
    Deferred dropped = deferred;
    if (dropped != null) {
      deferred = null;
      abandoned = true;
      dropped.operands.forEach(Storage::release);
    }
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
    held();
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
      abandon();
    }
  }
}
