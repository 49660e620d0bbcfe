package dev.granula.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.Memory;
import dev.granula.tensor.MemoryExhaustedException;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

final class CpuDeviceTest {
  @Test
  void theDefaultDeviceIsTheVectorOneAndMadeOnce() {
    assertTrue(Cpu.device().backend().name().startsWith("simd-"), Cpu.device().toString());
    assertSame(Cpu.device(), Cpu.device());
    assertEquals("cpu", Cpu.device().name());
  }

  @Test
  void aBackEndIsTakenByName() {
    try (CpuDevice device = CpuDevice.of("reference")) {
      assertEquals("reference", device.backend().name());
      assertEquals("cpu:reference", device.name());
    }
    DeviceException e = assertThrows(DeviceException.class, () -> CpuDevice.of("opencl"));
    assertTrue(e.getMessage().contains("'opencl'; take simd or reference"), e.getMessage());
    assertThrows(DeviceException.class, () -> CpuDevice.of("simd", 0, Memory.Debug.OFF));
  }

  @Test
  void memoryIsAlignedToCacheLines() {
    try (Device device = CpuDevice.reference();
        Scope _ = device.memory().step()) {
      for (long size = 1; size < 3_000_000; size = size * 3 + 1) {
        Tensor step = Tensor.empty(device, DType.F32, Shape.of(size));
        Tensor weight = Tensor.emptyPersistent(device, DType.BF16, Shape.of(size));
        assertEquals(0, step.memory().address() % 64);
        assertEquals(0, weight.memory().address() % 64);
      }
    }
  }

  @Test
  void persistentTensorsDoNotOverlap() {
    try (Device device = CpuDevice.reference()) {
      Tensor[] tensors = new Tensor[50];
      for (int i = 0; i < tensors.length; i++) {
        tensors[i] = Tensor.emptyPersistent(device, DType.F32, Shape.of(30_001));
        device.backend().fill(tensors[i], i);
      }
      for (int i = 0; i < tensors.length; i++) {
        assertEquals(i, tensors[i].load(0));
        assertEquals(i, tensors[i].load(30_000));
      }
    }
  }

  @Test
  void exhaustionSaysHowMuchWasAskedAndHeld() {
    try (Device device = CpuDevice.reference()) {
      Tensor held = Tensor.emptyPersistent(device, DType.F32, Shape.of(1 << 20));
      MemoryExhaustedException e =
          assertThrows(
              MemoryExhaustedException.class,
              () -> Tensor.emptyPersistent(device, DType.F32, Shape.of(1L << 44)));
      assertEquals(1L << 46, e.requestedBytes());
      assertEquals(held.storage().byteSize(), e.heldBytes());
    }
  }

  @Test
  void withoutTheVectorApiPlainJavaRunsAndSaysWhy() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                String.join(java.io.File.pathSeparator, "target/classes", "target/test-classes"),
                ClassPathProbe.class.getName())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    String remedy = "add '--add-modules jdk.incubator.vector' to the java command";
    assertTrue(output.contains("WARNING: back end reference"), output);
    assertTrue(output.contains("cpu:reference (reference)"), output);
    assertTrue(output.contains("cpu: no simd back end: the module jdk.incubator.vector"), output);
    assertEquals(3, output.split(remedy, -1).length, output);
  }
}
