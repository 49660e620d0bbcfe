package dev.granula.cuda;

import static dev.granula.cuda.Driver.check;

import dev.granula.cuda.bindings.cuda_h;
import dev.granula.tensor.Memory;
import dev.granula.tensor.MemoryExhaustedException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * Memory of the device. A segment is an address and a size; the JVM cannot read it. Persistent
 * memory lives until the device is closed.
 */
final class CudaMemory implements Memory.RawMemory, AutoCloseable {
  private static final long ALIGNMENT = 256;
  private static final long CHUNK_BYTES = 2L << 20;

  private final CudaContext context;
  private final String device;
  private final BooleanSupplier emptyPool;
  private final Map<Long, Long> held = new HashMap<>();
  private long heldBytes;
  private long chunk;
  private long carved = CHUNK_BYTES;

  /**
   * @param emptyPool gives unused memory back through {@link #release}; true if there was any
   */
  CudaMemory(CudaContext context, String device, BooleanSupplier emptyPool) {
    this.context = context;
    this.device = device;
    this.emptyPool = emptyPool;
  }

  @Override
  public MemorySegment allocate(long byteSize) {
    return segment(take(byteSize), byteSize);
  }

  /** Small ones share a chunk. */
  @Override
  public synchronized MemorySegment allocatePersistent(long byteSize) {
    if (byteSize > CHUNK_BYTES / 2) {
      return allocate(byteSize);
    }
    if (CHUNK_BYTES - carved < byteSize) {
      chunk = take(CHUNK_BYTES);
      carved = 0;
    }
    MemorySegment segment = segment(chunk + carved, byteSize);
    carved += (byteSize + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return segment;
  }

  @Override
  public Memory.Room room() {
    context.bind();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment free = arena.allocate(ValueLayout.JAVA_LONG);
      MemorySegment total = arena.allocate(ValueLayout.JAVA_LONG);
      check(cuda_h.cuMemGetInfo_v2(free, total), "cuMemGetInfo");
      return new Memory.Room(free.get(ValueLayout.JAVA_LONG, 0), "the free memory of " + device);
    }
  }

  @Override
  public void release(List<MemorySegment> slabs) {
    context.synchronize();
    slabs.forEach(slab -> free(slab.address()));
  }

  @Override
  public void close() {
    new ArrayList<>(held.keySet()).forEach(this::free);
  }

  private synchronized long take(long byteSize) {
    context.bind();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      int result = cuda_h.cuMemAlloc_v2(out, byteSize);
      if (result == cuda_h.CUDA_ERROR_OUT_OF_MEMORY() && emptyPool.getAsBoolean()) {
        result = cuda_h.cuMemAlloc_v2(out, byteSize);
      }
      if (result == cuda_h.CUDA_ERROR_OUT_OF_MEMORY()) {
        throw new MemoryExhaustedException(
            device, byteSize, heldBytes, Driver.failure(result, "cuMemAlloc"));
      }
      check(result, "cuMemAlloc");
      long address = out.get(ValueLayout.JAVA_LONG, 0);
      held.put(address, byteSize);
      heldBytes += byteSize;
      return address;
    }
  }

  private synchronized void free(long address) {
    Long byteSize = held.remove(address);
    if (byteSize != null) {
      heldBytes -= byteSize;
      check(cuda_h.cuMemFree_v2(address), "cuMemFree");
    }
  }

  /** Its arena is closed: an access by the JVM is an exception and not a crash. */
  @SuppressWarnings("restricted")
  private static MemorySegment segment(long address, long byteSize) {
    try (Arena arena = Arena.ofConfined()) {
      return MemorySegment.ofAddress(address).reinterpret(byteSize, arena, null);
    }
  }
}
