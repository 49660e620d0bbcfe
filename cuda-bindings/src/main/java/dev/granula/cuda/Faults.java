package dev.granula.cuda;

import static dev.granula.cuda.Driver.check;

import dev.granula.cuda.bindings.cuda_h;
import dev.granula.tensor.GranulaException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * An index is data, so only the kernel sees that one is out of range. It leaves it here, in pinned
 * host memory, and the next transfer to the host, which waits for the kernel anyway, throws.
 */
final class Faults implements AutoCloseable {
  private static final long BYTES = 3 * Long.BYTES;

  /** By the numbers that the kernels use. */
  private static final String[] OPERATIONS = {
    "", "gather", "scatterAdd", "crossEntropy: target", "rotary: position"
  };

  private final MemorySegment memory = Transfers.pinned(BYTES);

  Faults() {
    memory.fill((byte) 0);
  }

  long address() {
    return memory.address();
  }

  /** Reports what the kernels before the last wait found, once. */
  void report() {
    long operation = memory.get(ValueLayout.JAVA_LONG, 0);
    if (operation != 0) {
      long index = memory.get(ValueLayout.JAVA_LONG, Long.BYTES);
      long size = memory.get(ValueLayout.JAVA_LONG, 2 * Long.BYTES);
      memory.fill((byte) 0);
      throw new GranulaException(
          "%s: index %d is outside [0, %d); check the token ids against the vocabulary size"
              .formatted(OPERATIONS[(int) operation], index, size));
    }
  }

  @Override
  public void close() {
    check(cuda_h.cuMemFreeHost(memory), "cuMemFreeHost");
  }
}
