package dev.granula.cuda;

import static dev.granula.cuda.Driver.check;

import dev.granula.cuda.bindings.cuda_h;
import dev.granula.tensor.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What the driver says of one GPU.
 *
 * @param ordinal counted from 0 among the visible ones
 * @param handle the driver's
 * @param computeCapability ten times the major version plus the minor one, for example 90
 * @param sharedBytes shared memory that a block can ask for
 */
record Gpu(
    int ordinal,
    int handle,
    String name,
    int computeCapability,
    int sharedBytes,
    long memoryBytes) {
  private static final int NAME_BYTES = 256;

  /** All that are visible. */
  static Stream<Gpu> all() {
    return IntStream.range(0, count()).mapToObj(Gpu::read);
  }

  /**
   * The GPU {@code ordinal}.
   *
   * @throws DeviceException if there is none
   */
  static Gpu of(int ordinal) {
    int count = count();
    if (ordinal < 0 || ordinal >= count) {
      throw new DeviceException(
          "cuda: there is no device %d; %d are visible, counted from 0; see nvidia-smi and CUDA_VISIBLE_DEVICES"
              .formatted(ordinal, count));
    }
    return read(ordinal);
  }

  private static int count() {
    check(cuda_h.cuInit(0), "cuInit");
    return CudaContext.integer("cuDeviceGetCount", cuda_h::cuDeviceGetCount);
  }

  private static Gpu read(int ordinal) {
    int handle = CudaContext.integer("cuDeviceGet", out -> cuda_h.cuDeviceGet(out, ordinal));
    int major = attribute(handle, cuda_h.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR());
    int minor = attribute(handle, cuda_h.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR());
    int shared = attribute(handle, cuda_h.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocate(NAME_BYTES);
      check(cuda_h.cuDeviceGetName(name, NAME_BYTES, handle), "cuDeviceGetName");
      MemorySegment bytes = arena.allocate(ValueLayout.JAVA_LONG);
      check(cuda_h.cuDeviceTotalMem_v2(bytes, handle), "cuDeviceTotalMem");
      return new Gpu(
          ordinal,
          handle,
          name.getString(0),
          10 * major + minor,
          shared,
          bytes.get(ValueLayout.JAVA_LONG, 0));
    }
  }

  private static int attribute(int handle, int attribute) {
    return CudaContext.integer(
        "cuDeviceGetAttribute", out -> cuda_h.cuDeviceGetAttribute(out, attribute, handle));
  }

  /** {@code cuda:0}. */
  String id() {
    return "cuda:" + ordinal;
  }

  @Override
  public String toString() {
    return "%s, compute capability %.1f, %.1f GiB"
        .formatted(name, computeCapability / 10.0, memoryBytes / (double) (1 << 30));
  }
}
