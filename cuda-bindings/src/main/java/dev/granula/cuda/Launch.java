package dev.granula.cuda;

import dev.granula.cuda.Kernels.Kernel;
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
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Calls of kernels, one after the other: the arguments of one in the order of its parameters, then
 * {@link #run}. The driver copies the arguments when the kernel is queued, so all calls of a device
 * share their memory.
 */
final class Launch {
  /** Threads of a block, {@code THREADS} in the sources. */
  static final int THREADS = 256;

  /** What the parameters of a kernel may take. */
  private static final int MAX_WORDS = 4096 / Long.BYTES;

  private static final int MAX_ARGUMENTS = 32;

  private final Device device;
  private final CudaContext context;
  private final MemorySegment memory =
      Arena.ofAuto().allocate(ValueLayout.JAVA_LONG, MAX_ARGUMENTS + MAX_WORDS);

  /** What goes to {@code memory}: the addresses of the arguments there, then these. */
  private final long[] words = new long[MAX_ARGUMENTS + MAX_WORDS];

  private Kernel kernel = new Kernel("", MemorySegment.NULL);
  private int arguments;
  private int used;
  private int sharedBytes;

  Launch(Device device, CudaContext context) {
    this.device = device;
    this.context = context;
  }

  /** Begins a call, whatever became of the one before. */
  Launch begin(Kernel kernel) {
    this.kernel = kernel;
    arguments = 0;
    used = MAX_ARGUMENTS;
    sharedBytes = 0;
    return this;
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
    if (tensor.device() != device) {
      requireOn(device, kernel.name(), tensor);
    }
    return address(tensor);
  }

  /** A {@code struct View} of all dimensions; null has no data. */
  Launch view(@Nullable Tensor tensor) {
    argument();
    writeView(tensor);
    return this;
  }

  /** A {@code struct View} of the dimensions {@code from} (inclusive) to {@code to} (exclusive). */
  Launch view(Tensor tensor, int from, int to) {
    argument();
    writeView(tensor, from, to);
    return this;
  }

  /** A {@code struct Rows}. */
  Launch rows(Tensor tensor) {
    int last = tensor.shape().rank() - 1;
    view(tensor, 0, last);
    word(tensor.shape().dim(last));
    word(tensor.stride(last));
    return this;
  }

  /**
   * A structure of {@code capacity} views for each list, then the {@code capacity} element counts
   * of the first list; short lists leave the rest empty.
   */
  Launch tensors(int capacity, List<List<Tensor>> lists) {
    argument();
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
    argument();
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
    return words(value);
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

  /** Dynamic shared memory of a block; of more than 48 KB in all the driver wants to be told. */
  Launch shared(long bytes) {
    sharedBytes = Math.toIntExact(bytes);
    if (sharedBytes > 0) {
      int attribute = cuda_h.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES();
      Driver.check(
          cuda_h.cuFuncSetAttribute(kernel.function(), attribute, sharedBytes),
          "cuFuncSetAttribute");
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
    if (blocksX == 0 || blocksY == 0 || blocksZ == 0) {
      return;
    }
    MemorySegment.copy(words, 0, memory, ValueLayout.JAVA_LONG, 0, used);
    int result =
        cuda_h.cuLaunchKernel(
            kernel.function(),
            Math.toIntExact(blocksX),
            Math.toIntExact(blocksY),
            Math.toIntExact(blocksZ),
            threads,
            1,
            1,
            sharedBytes,
            context.stream(),
            memory,
            MemorySegment.NULL);
    if (result != cuda_h.CUDA_SUCCESS()) {
      throw Driver.failure(result, "cuLaunchKernel " + kernel.name());
    }
  }

  private void argument() {
    words[Objects.checkIndex(arguments++, MAX_ARGUMENTS)] =
        memory.address() + (long) used * Long.BYTES;
  }

  private void writeView(@Nullable Tensor tensor) {
    if (tensor == null) {
      words[used] = 0;
      used += View.WORDS;
    } else {
      writeView(tensor, 0, tensor.shape().rank());
    }
  }

  private void writeView(Tensor tensor, int from, int to) {
    View.write(checkedAddress(tensor), tensor, from, to, words, used);
    used += View.WORDS;
  }

  private void word(long value) {
    words[used++] = value;
  }
}
