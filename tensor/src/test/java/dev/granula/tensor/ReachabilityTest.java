package dev.granula.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.granula.tensor.reference.ReferenceBackend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * A tensor of the default scope stays alive while its memory is being read. Compiled code lets go
 * of a local variable after its last use, so each call is warmed up before it is put to the test.
 */
final class ReachabilityTest {
  private static final int WARM_UP = 20_000;

  /** Collects in the middle of a download, and takes back what looks unreachable there. */
  private static final class CollectingDevice implements Device, Memory.RawMemory {
    private final Backend backend = new ReferenceBackend();
    private final Memory memory = new Memory(this, this, Memory.Debug.POISON);
    private boolean collecting;

    @Override
    public String name() {
      return "collecting";
    }

    @Override
    public Backend backend() {
      return backend;
    }

    @Override
    public Memory memory() {
      return memory;
    }

    @Override
    public boolean isHost() {
      return true;
    }

    @Override
    public void upload(MemorySegment source, MemorySegment target) {
      target.copyFrom(source);
    }

    @Override
    public void download(MemorySegment source, MemorySegment target) {
      if (collecting) {
        collect();
      }
      target.copyFrom(source);
    }

    private void collect() {
      try {
        for (int i = 0; i < 3; i++) {
          System.gc();
          Thread.sleep(5);
          memory.stats();
        }
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }

    @Override
    public MemorySegment allocate(long byteSize) {
      return Arena.ofAuto().allocate(byteSize, Pool.ALIGNMENT);
    }

    @Override
    public MemorySegment allocatePersistent(long byteSize) {
      return allocate(byteSize);
    }

    @Override
    public void release(List<MemorySegment> slabs) {}

    @Override
    public void close() {}
  }

  @Test
  void aConvertedTensorIsReadBeforeItsBlockIsTakenBack() {
    CollectingDevice device = new CollectingDevice();
    Tensor half = Tensor.full(device, DType.BF16, Shape.of(3), 2).persistent();
    for (int i = 0; i < WARM_UP; i++) {
      assertEquals(2, half.toFloatArray()[0]);
      assertEquals(2, half.toDoubleArray()[0]);
    }
    device.collecting = true;
    assertEquals(2, half.toFloatArray()[2]);
    assertEquals(2, half.toDoubleArray()[2]);
  }
}
