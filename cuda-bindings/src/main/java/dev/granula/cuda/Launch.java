package dev.granula.cuda;

import static dev.granula.cuda.Driver.check;

import dev.granula.cuda.bindings.cuda_h;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One call of a kernel: its arguments in the order of its parameters, then {@link #run}. The driver
 * copies the arguments when the kernel is queued.
 */
final class Launch {
  /** Threads of a block, {@code THREADS} in the sources. */
  static final int THREADS = 256;

  /** What the parameters of a kernel may take. */
  private static final long MAX_BYTES = 4096;

  private static final int MAX_ARGUMENTS = 32;

  /** Dynamic shared memory that a kernel has without being told of more. */
  private static final int USUAL_SHARED_BYTES = 48 << 10;

  private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG;

  private final Device device;
  private final CudaContext context;
  private final String kernel;
  private final MemorySegment function;
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment bytes = arena.allocate(MAX_BYTES, Long.BYTES);
  private final MemorySegment pointers = arena.allocate(ValueLayout.ADDRESS, MAX_ARGUMENTS);
  private long used;
  private int arguments;
  private int sharedBytes;

  Launch(Device device, CudaContext context, String kernel, MemorySegment function) {
    this.device = device;
    this.context = context;
    this.kernel = kernel;
    this.function = function;
  }

  /**
   * Fails for a tensor of another device: its address means nothing to a kernel of this one.
   *
   * @param what is being done, for the message
   */
  static void requireOn(Device device, String what, @Nullable Tensor... tensors) {
    for (Tensor tensor : tensors) {
      if (tensor != null && tensor.device() != device) {
        throw new DeviceException(
            "%s: a tensor of %s was given to %s; move it with Tensor.to"
                .formatted(what, tensor.device().name(), device.name()));
      }
    }
  }

  /** Address of the first element. */
  static long address(Tensor tensor) {
    return tensor.memory().address() + tensor.offset() * tensor.dtype().byteSize();
  }

  private long checkedAddress(Tensor tensor) {
    requireOn(device, kernel, tensor);
    return address(tensor);
  }

  /** A {@code struct View} of all dimensions; null has no data. */
  Launch view(@Nullable Tensor tensor) {
    begin();
    writeView(tensor);
    return this;
  }

  /** A {@code struct View} of {@code tensor} with other dimensions than its own. */
  Launch view(Tensor tensor, Strides strides) {
    begin();
    writeView(checkedAddress(tensor), strides);
    return this;
  }

  /** A {@code struct Rows}. */
  Launch rows(Tensor tensor) {
    begin();
    int last = tensor.shape().rank() - 1;
    writeView(checkedAddress(tensor), Strides.of(tensor, 0, last));
    word(tensor.shape().dim(last));
    word(tensor.stride(last));
    return this;
  }

  /**
   * A structure of {@code capacity} views for each list, then the {@code capacity} element counts
   * of the first list; short lists leave the rest empty.
   */
  Launch tensors(int capacity, List<List<Tensor>> lists) {
    begin();
    for (List<Tensor> list : lists) {
      for (int i = 0; i < capacity; i++) {
        writeView(i < list.size() ? list.get(i) : null);
      }
    }
    List<Tensor> counted = lists.getFirst();
    for (int i = 0; i < capacity; i++) {
      word(i < counted.size() ? counted.get(i).elementCount() : 0);
    }
    return this;
  }

  /** A structure, or one parameter, of 8-byte words. */
  Launch words(long... words) {
    begin();
    for (long word : words) {
      word(word);
    }
    return this;
  }

  /** The address of a tensor that is read from its first element on; null for none. */
  Launch pointer(@Nullable Tensor tensor) {
    return words(tensor == null ? 0 : checkedAddress(tensor));
  }

  Launch integer(int value) {
    begin();
    bytes.set(ValueLayout.JAVA_INT, used, value);
    used += Long.BYTES;
    return this;
  }

  Launch flag(boolean value) {
    return integer(value ? 1 : 0);
  }

  Launch write(Write write) {
    return flag(write == Write.ADD);
  }

  /** A number in the type of the kernel's arithmetic. */
  Launch real(DType dtype, double value) {
    return dtype == DType.F64
        ? words(Double.doubleToRawLongBits(value))
        : integer(Float.floatToRawIntBits((float) value));
  }

  /** Dynamic shared memory of a block. */
  Launch shared(long bytes) {
    sharedBytes = Math.toIntExact(bytes);
    if (sharedBytes > USUAL_SHARED_BYTES) {
      int attribute = cuda_h.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES();
      check(
          cuda_h.cuFuncSetAttribute(function, attribute, sharedBytes),
          "cuFuncSetAttribute " + kernel);
    }
    return this;
  }

  /** One dimension of blocks of {@link #THREADS} threads. */
  void run(long blocks) {
    run(blocks, 1, 1, THREADS);
  }

  /** A thread for each of {@code count} elements. */
  void runElements(long count) {
    run((count + THREADS - 1) / THREADS);
  }

  /** Queues the kernel; a grid without blocks does nothing. */
  void run(long blocksX, long blocksY, long blocksZ, int threads) {
    try (arena) {
      if (blocksX == 0 || blocksY == 0 || blocksZ == 0) {
        return;
      }
      check(
          cuda_h.cuLaunchKernel(
              function,
              Math.toIntExact(blocksX),
              Math.toIntExact(blocksY),
              Math.toIntExact(blocksZ),
              threads,
              1,
              1,
              sharedBytes,
              context.stream(),
              pointers,
              MemorySegment.NULL),
          "cuLaunchKernel " + kernel);
    }
  }

  private void begin() {
    pointers.setAtIndex(ValueLayout.ADDRESS, arguments++, bytes.asSlice(used));
  }

  private void writeView(@Nullable Tensor tensor) {
    if (tensor == null) {
      used += (2 + 2 * Strides.MAX_RANK) * Long.BYTES;
    } else {
      writeView(checkedAddress(tensor), Strides.of(tensor, 0, tensor.shape().rank()));
    }
  }

  private void writeView(long address, Strides strides) {
    word(address);
    word(strides.dims().length);
    for (long[] values : List.of(strides.dims(), strides.strides())) {
      for (int d = 0; d < Strides.MAX_RANK; d++) {
        word(d < values.length ? values[d] : 0);
      }
    }
  }

  private void word(long value) {
    bytes.set(WORD, used, value);
    used += Long.BYTES;
  }
}
