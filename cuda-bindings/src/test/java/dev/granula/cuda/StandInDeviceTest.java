package dev.granula.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Memory;
import dev.granula.tensor.MemoryExhaustedException;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Storage;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

/** Memory, copies and errors of the device, on the stand-in driver. */
@EnabledIf(
    value = "dev.granula.cuda.StandIn#compilerIsThere",
    disabledReason = "g++ is not on the PATH: the CUDA kernels are not tested")
final class StandInDeviceTest {
  private final CudaDevice device = StandIn.device();

  @Test
  void copiesMoreThanTheStagingBuffersHold() {
    float[] values = new float[5 << 20];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    try (Scope _ = device.memory().step();
        CpuDevice host = CpuDevice.reference();
        Scope _ = host.memory().step()) {
      Tensor there = Tensor.of(device, values, values.length);
      assertArrayEquals(values, there.to(host).toFloatArray());
    }
  }

  @Test
  void reportsAnIndexOutOfRangeAtTheNextRead() {
    try (Scope _ = device.memory().step();
        CpuDevice host = CpuDevice.reference()) {
      Tensor table = Tensor.zeros(device, DType.F32, Shape.of(3, 2));
      Tensor out = Tensor.zeros(device, DType.F32, Shape.of(2, 2));
      device.backend().gather(table, Tensor.of(device, new int[] {1, 7}, 2), out);
      GranulaException e = assertThrows(GranulaException.class, () -> out.to(host));
      assertTrue(e.getMessage().startsWith("gather: index 7 is outside [0, 3)"), e.getMessage());
      out.to(host);
    }
  }

  @Test
  void namesDeviceAndBytesWhenMemoryRunsOut() {
    device.memory().trim();
    try (StandIn.Pretence _ = StandIn.pretend("limit=" + (64 << 20));
        Scope _ = device.memory().step()) {
      MemoryExhaustedException e =
          assertThrows(MemoryExhaustedException.class, () -> empty(1 << 30));
      assertEquals(1L << 30, e.requestedBytes());
      assertTrue(e.getMessage().contains("cuda:0 is out of memory"), e.getMessage());
    }
  }

  /** What is free on the device, and what the pool holds unused; to any thread. */
  @Test
  void saysWhatItCanStillGive() {
    long limit = StandIn.heldBytes() + (96 << 20);
    try (StandIn.Pretence _ = StandIn.pretend("limit=" + limit);
        CudaDevice other = CudaDevice.open(0);
        Scope _ = other.memory().step()) {
      Memory.Room before = CompletableFuture.supplyAsync(() -> other.memory().room()).join();
      assertEquals(96 << 20, before.bytes());
      assertEquals("the free memory of cuda:0", before.limit());
      other.memory().allocate(10 << 20);
      long used = other.memory().stats().usedBytes();
      assertTrue(used >= 10 << 20, "used: " + used);
      assertEquals(before.bytes() - used, other.memory().room().bytes());
    }
  }

  @Test
  void emptiesThePoolBeforeItGivesUp() {
    device.memory().trim();
    try (Scope _ = device.memory().step()) {
      empty(40 << 20);
    }
    try (StandIn.Pretence _ = StandIn.pretend("limit=" + (64 << 20));
        Scope _ = device.memory().step()) {
      assertEquals(50 << 20, empty(50 << 20).byteSize());
    }
  }

  /** Also for weights, and while other blocks are in use. */
  @Test
  void givesFreeBlocksBackWhileOthersAreInUse() {
    try (StandIn.Pretence _ = StandIn.pretend("limit=" + (StandIn.heldBytes() + (96 << 20)));
        CudaDevice other = CudaDevice.open(0);
        Scope _ = other.memory().step()) {
      other.memory().allocate(30 << 20);
      try (Scope _ = other.memory().scratch()) {
        other.memory().allocate(40 << 20);
      }
      Tensor weight = Tensor.emptyPersistent(other, DType.F32, Shape.of(10 << 20));
      assertEquals(40 << 20, weight.storage().byteSize());
    }
  }

  /** A status that cuBLAS gives for want of memory, and one for a product that it does not have. */
  @Test
  void faultsOfCublasSayWhatToDo() {
    assertTrue(productWithFault(3).contains("lower the batch size"), productWithFault(3));
    assertTrue(productWithFault(15).contains("update cuBLAS"), productWithFault(15));
  }

  private String productWithFault(int status) {
    try (StandIn.Pretence _ = StandIn.pretend("cublasGemmStridedBatchedEx=0:" + status);
        Scope _ = device.memory().step()) {
      Tensor x = Tensor.full(device, DType.F32, Shape.of(2, 2), 1);
      Matrix square = Matrix.of(x);
      Matrix out = Matrix.of(Tensor.empty(device, DType.F32, x.shape()));
      DeviceException e =
          assertThrows(
              DeviceException.class,
              () -> device.backend().matmul(square, square, out, 1, Write.SET));
      assertTrue(e.getMessage().contains("cublasGemmStridedBatchedEx: CUBLAS_"), e.getMessage());
      return e.getMessage();
    }
  }

  @Test
  void manySmallUploadsDoNotWait() {
    try (Scope _ = device.memory().step()) {
      Tensor first = Tensor.full(device, DType.F32, Shape.of(1), 5);
      long before = StandIn.waits();
      for (int i = 0; i < 100; i++) {
        Tensor.of(device, new int[1000], 1000);
      }
      assertEquals(before, StandIn.waits());
      assertEquals(5, first.toFloatArray()[0]);
    }
  }

  /** The arguments of all calls lie in the same memory. */
  @Test
  void aCallThatFailsLeavesNothingToTheNext() {
    try (Scope _ = device.memory().step()) {
      Tensor x = Tensor.full(device, DType.F32, Shape.of(2, 2, 2, 2, 2, 2, 2), 3);
      DeviceException e =
          assertThrows(DeviceException.class, () -> x.permute(6, 5, 4, 3, 2, 1, 0).copy());
      assertTrue(e.getMessage().contains("at most 6 dimensions"), e.getMessage());
      assertEquals(3, x.copy().slice(0, 1, 2).toFloatArray()[63]);
    }
  }

  @Test
  void tf32IsUsedOnlyWhenAskedFor() {
    for (Precision precision : Precision.values()) {
      try (CudaDevice other = CudaDevice.open(0, precision);
          Scope _ = other.memory().step()) {
        Tensor x = Tensor.of(other, new float[] {1 + 0x1p-20f}, 1, 1);
        Tensor out = Tensor.empty(other, DType.F32, Shape.of(1, 1));
        Matrix one = Matrix.of(Tensor.full(other, DType.F32, Shape.of(1, 1), 1));
        other.backend().matmul(Matrix.of(x), one, Matrix.of(out), 1, Write.SET);
        boolean exact = out.toFloatArray()[0] == 1 + 0x1p-20f;
        assertEquals(precision == Precision.HIGHEST, exact, precision.name());
      }
    }
  }

  private Storage empty(long bytes) {
    return device.memory().allocate(bytes);
  }

  @Test
  void worksOnAnotherThread() {
    CompletableFuture<Float> sum =
        CompletableFuture.supplyAsync(
            () -> {
              try (Scope _ = device.memory().step();
                  CpuDevice host = CpuDevice.reference()) {
                Tensor there = Tensor.full(device, DType.F32, Shape.of(1), 5);
                return there.to(host).toFloatArray()[0];
              }
            });
    assertEquals(5f, sum.join());
  }

  @Test
  void aClosedDeviceKeepsNothingAndSaysSo() {
    long before = StandIn.live();
    CudaDevice other = CudaDevice.open(0);
    Tensor.emptyPersistent(other, DType.F32, Shape.of(1000));
    try (Scope _ = other.memory().step()) {
      Tensor.full(other, DType.F32, Shape.of(1000), 1);
    }
    assertTrue(StandIn.live() > before);
    other.close();
    other.close();
    assertEquals(before, StandIn.live());
    assertThrows(
        DeviceException.class, () -> Tensor.zeros(other, DType.F32, Shape.of(100, 1000, 1000)));
  }

  @Test
  void refusesADeviceThatIsNotThere() {
    DeviceException e = assertThrows(DeviceException.class, () -> CudaDevice.open(3));
    assertTrue(e.getMessage().contains("there is no device 3; 1 are visible"), e.getMessage());
  }

  @Test
  void showsTheCompilersLog() {
    DeviceException e =
        assertThrows(
            DeviceException.class,
            () -> Compiler.compile("bad.cu", "int f() { return missing; }", List.of()));
    assertTrue(e.getMessage().contains("missing"), e.getMessage());
  }
}
