package dev.granula.cuda;

import static dev.granula.cuda.Driver.check;

import dev.granula.cuda.bindings.cuda_h;
import dev.granula.tensor.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.ToIntFunction;

/**
 * One GPU: its primary context, which cuBLAS and other libraries of the process share, and the one
 * stream on which everything runs in order. So memory that goes back to the pool may be handed out
 * again at once, while kernels that read it are still under way.
 */
final class CudaContext implements AutoCloseable {
  private final Gpu gpu;
  private final MemorySegment context;
  private final MemorySegment stream;
  private boolean closed;

  CudaContext(Gpu gpu) {
    this.gpu = gpu;
    context =
        pointer(
            "cuDevicePrimaryCtxRetain", out -> cuda_h.cuDevicePrimaryCtxRetain(out, gpu.handle()));
    bind();
    stream =
        pointer(
            "cuStreamCreate", out -> cuda_h.cuStreamCreate(out, cuda_h.CU_STREAM_NON_BLOCKING()));
  }

  /**
   * Makes the context that of this thread. Before every group of calls: another device, or another
   * library of the process, may have had its turn.
   */
  void bind() {
    if (closed) {
      throw new DeviceException("cuda: %s was closed".formatted(gpu.id()));
    }
    check(cuda_h.cuCtxSetCurrent(context), "cuCtxSetCurrent");
  }

  MemorySegment stream() {
    return stream;
  }

  /** Waits for everything that was started. */
  void synchronize() {
    bind();
    check(cuda_h.cuStreamSynchronize(stream), "cuStreamSynchronize");
  }

  Gpu gpu() {
    return gpu;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      check(cuda_h.cuStreamDestroy_v2(stream), "cuStreamDestroy");
      check(cuda_h.cuDevicePrimaryCtxRelease_v2(gpu.handle()), "cuDevicePrimaryCtxRelease");
    }
  }

  /** The int that a function of the driver writes to its first argument. */
  static int integer(String operation, ToIntFunction<MemorySegment> function) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      check(function.applyAsInt(out), operation);
      return out.get(ValueLayout.JAVA_INT, 0);
    }
  }

  /** The handle that a function of the driver writes to its first argument. */
  static MemorySegment pointer(String operation, ToIntFunction<MemorySegment> function) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      check(function.applyAsInt(out), operation);
      return out.get(ValueLayout.ADDRESS, 0);
    }
  }
}
