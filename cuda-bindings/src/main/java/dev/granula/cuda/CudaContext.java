package dev.granula.cuda;

import static dev.granula.cuda.Driver.check;

import dev.granula.cuda.bindings.cuda_h;
import dev.granula.tensor.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * One GPU: its primary context, which cuBLAS and other libraries of the process share, and the one
 * stream on which everything runs in order. So memory that goes back to the pool may be handed out
 * again at once, while kernels that read it are still under way.
 */
final class CudaContext implements AutoCloseable {
  private static final int NAME_BYTES = 256;

  private final int device;
  private final String name;
  private final int computeCapability;
  private final int driverVersion;
  private final MemorySegment context;
  private final MemorySegment stream;
  private volatile @Nullable Thread bound;
  private boolean closed;

  /** Opens device {@code ordinal}, counted from 0 among the visible ones. */
  CudaContext(int ordinal) {
    check(cuda_h.cuInit(0), "cuInit");
    int count = integer("cuDeviceGetCount", cuda_h::cuDeviceGetCount);
    if (ordinal < 0 || ordinal >= count) {
      throw new DeviceException(
          "cuda: there is no device %d; %d are visible, counted from 0".formatted(ordinal, count));
    }
    device = integer("cuDeviceGet", out -> cuda_h.cuDeviceGet(out, ordinal));
    driverVersion = integer("cuDriverGetVersion", cuda_h::cuDriverGetVersion);
    name = readName(device);
    computeCapability =
        10 * attribute(cuda_h.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR())
            + attribute(cuda_h.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR());
    context =
        pointer("cuDevicePrimaryCtxRetain", out -> cuda_h.cuDevicePrimaryCtxRetain(out, device));
    bind();
    stream =
        pointer(
            "cuStreamCreate", out -> cuda_h.cuStreamCreate(out, cuda_h.CU_STREAM_NON_BLOCKING()));
  }

  /** Makes the context that of this thread; again after another thread had its turn. */
  void bind() {
    if (closed) {
      throw new DeviceException("cuda: device %d was closed".formatted(device));
    }
    Thread thread = Thread.currentThread();
    if (bound != thread) {
      check(cuda_h.cuCtxSetCurrent(context), "cuCtxSetCurrent");
      bound = thread;
    }
  }

  MemorySegment stream() {
    return stream;
  }

  /** Waits for everything that was started. */
  void synchronize() {
    bind();
    check(cuda_h.cuStreamSynchronize(stream), "cuStreamSynchronize");
  }

  String deviceName() {
    return name;
  }

  /** Ten times the major version plus the minor one, for example 90. */
  int computeCapability() {
    return computeCapability;
  }

  /** For example 13000 for CUDA 13.0. */
  int driverVersion() {
    return driverVersion;
  }

  boolean isClosed() {
    return closed;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      check(cuda_h.cuStreamDestroy_v2(stream), "cuStreamDestroy");
      check(cuda_h.cuDevicePrimaryCtxRelease_v2(device), "cuDevicePrimaryCtxRelease");
    }
  }

  private int attribute(int attribute) {
    return integer(
        "cuDeviceGetAttribute", out -> cuda_h.cuDeviceGetAttribute(out, attribute, device));
  }

  private static String readName(int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocate(NAME_BYTES);
      check(cuda_h.cuDeviceGetName(name, NAME_BYTES, device), "cuDeviceGetName");
      return name.getString(0);
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
