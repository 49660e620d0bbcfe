package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Device;
import dev.granula.tensor.Memory;
import dev.granula.tensor.conformance.BackendConformance;
import dev.granula.tensor.cpu.CpuDevice;
import jdk.incubator.vector.VectorShape;
import org.junit.jupiter.api.condition.EnabledIf;

/** The vector back end at the width of this JVM, which the build runs once for each width. */
@EnabledIf(
    value = "machineHasWidth",
    disabledReason = "the machine has no vectors of this width, and emulated ones are very slow")
final class SimdConformanceTest extends BackendConformance {
  private static final Device DEVICE = CpuDevice.of("simd", 2, Memory.Debug.POISON);

  static boolean machineHasWidth() {
    return Simd.F32.vectorBitSize() <= VectorShape.preferredShape().vectorBitSize();
  }

  @Override
  public Device device() {
    return DEVICE;
  }
}
