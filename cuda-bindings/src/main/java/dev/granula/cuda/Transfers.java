package dev.granula.cuda;

import static dev.granula.cuda.Driver.check;

import dev.granula.cuda.bindings.cuda_h;
import java.lang.foreign.MemorySegment;

/**
 * Copies between the host and the device through two pinned buffers in turn: while the device reads
 * one, the host fills the other. The caller's memory is free again when a call returns.
 */
final class Transfers implements AutoCloseable {
  private static final long BUFFER_BYTES = 4L << 20;

  private final CudaContext context;
  private final MemorySegment[] buffers = new MemorySegment[2];
  private final MemorySegment[] events = new MemorySegment[2];
  private int next;

  Transfers(CudaContext context) {
    this.context = context;
    for (int i = 0; i < buffers.length; i++) {
      buffers[i] = pinned(BUFFER_BYTES);
      events[i] =
          CudaContext.pointer(
              "cuEventCreate", out -> cuda_h.cuEventCreate(out, cuda_h.CU_EVENT_DISABLE_TIMING()));
    }
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
    for (long done = 0; done < source.byteSize(); done += BUFFER_BYTES) {
      long count = Math.min(BUFFER_BYTES, source.byteSize() - done);
      MemorySegment buffer = buffers[next];
      check(cuda_h.cuEventSynchronize(events[next]), "cuEventSynchronize");
      MemorySegment.copy(source, done, buffer, 0, count);
      check(
          cuda_h.cuMemcpyHtoDAsync_v2(target.address() + done, buffer, count, context.stream()),
          "cuMemcpyHtoDAsync");
      check(cuda_h.cuEventRecord(events[next], context.stream()), "cuEventRecord");
      next ^= 1;
    }
  }

  /** Waits for everything before it and for the copy. */
  synchronized void download(MemorySegment source, MemorySegment target) {
    context.bind();
    MemorySegment buffer = buffers[next];
    for (long done = 0; done < source.byteSize(); done += BUFFER_BYTES) {
      long count = Math.min(BUFFER_BYTES, source.byteSize() - done);
      check(cuda_h.cuEventSynchronize(events[next]), "cuEventSynchronize");
      check(
          cuda_h.cuMemcpyDtoHAsync_v2(buffer, source.address() + done, count, context.stream()),
          "cuMemcpyDtoHAsync");
      context.synchronize();
      MemorySegment.copy(buffer, 0, target, done, count);
    }
  }

  @Override
  public void close() {
    for (int i = 0; i < buffers.length; i++) {
      check(cuda_h.cuEventDestroy_v2(events[i]), "cuEventDestroy");
      check(cuda_h.cuMemFreeHost(buffers[i]), "cuMemFreeHost");
    }
  }
}
