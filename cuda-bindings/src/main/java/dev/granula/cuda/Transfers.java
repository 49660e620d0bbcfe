package dev.granula.cuda;

import static dev.granula.cuda.Driver.check;

import dev.granula.cuda.bindings.cuda_h;
import java.lang.foreign.MemorySegment;

/**
 * Copies between the host and the device. What goes up is put into two pinned buffers in turn, one
 * copy behind the other, so that many small ones never wait; the host waits only when both are full
 * and the device has not read the older one. The caller's memory is free again when a call returns.
 */
final class Transfers implements AutoCloseable {
  private static final long BUFFER_BYTES = 4L << 20;
  private static final long ALIGNMENT = 64;

  private final CudaContext context;
  private final MemorySegment[] buffers = new MemorySegment[2];
  private final MemorySegment[] events = new MemorySegment[2];
  private final MemorySegment down;
  private int current;
  private long filled;

  Transfers(CudaContext context) {
    this.context = context;
    for (int i = 0; i < buffers.length; i++) {
      buffers[i] = pinned(BUFFER_BYTES);
      events[i] =
          CudaContext.pointer(
              "cuEventCreate", out -> cuda_h.cuEventCreate(out, cuda_h.CU_EVENT_DISABLE_TIMING()));
    }
    down = pinned(BUFFER_BYTES);
  }

  /** Host memory that the device reads and writes under the same address. */
  @SuppressWarnings("restricted")
  static MemorySegment pinned(long byteSize) {
    return CudaContext.pointer("cuMemAllocHost", out -> cuda_h.cuMemAllocHost_v2(out, byteSize))
        .reinterpret(byteSize);
  }

  /** Returns when {@code source} was read; the device may be still at it. */
  synchronized void upload(MemorySegment source, MemorySegment target) {
    context.bind();
    for (long done = 0; done < source.byteSize(); ) {
      if (filled >= BUFFER_BYTES) {
        turn();
      }
      long count = Math.min(BUFFER_BYTES - filled, source.byteSize() - done);
      MemorySegment piece = buffers[current].asSlice(filled, count);
      MemorySegment.copy(source, done, piece, 0, count);
      check(
          cuda_h.cuMemcpyHtoDAsync_v2(target.address() + done, piece, count, context.stream()),
          "cuMemcpyHtoDAsync");
      filled += (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
      done += count;
    }
  }

  /** Goes to the other buffer when the device has read it. */
  private void turn() {
    check(cuda_h.cuEventRecord(events[current], context.stream()), "cuEventRecord");
    current ^= 1;
    filled = 0;
    check(cuda_h.cuEventSynchronize(events[current]), "cuEventSynchronize");
  }

  /** Waits for everything before it and for the copy. */
  synchronized void download(MemorySegment source, MemorySegment target) {
    context.bind();
    for (long done = 0; done < source.byteSize(); done += BUFFER_BYTES) {
      long count = Math.min(BUFFER_BYTES, source.byteSize() - done);
      check(
          cuda_h.cuMemcpyDtoHAsync_v2(down, source.address() + done, count, context.stream()),
          "cuMemcpyDtoHAsync");
      context.synchronize();
      MemorySegment.copy(down, 0, target, done, count);
    }
  }

  @Override
  public void close() {
    for (int i = 0; i < buffers.length; i++) {
      check(cuda_h.cuEventDestroy_v2(events[i]), "cuEventDestroy");
      check(cuda_h.cuMemFreeHost(buffers[i]), "cuMemFreeHost");
    }
    check(cuda_h.cuMemFreeHost(down), "cuMemFreeHost");
  }
}
