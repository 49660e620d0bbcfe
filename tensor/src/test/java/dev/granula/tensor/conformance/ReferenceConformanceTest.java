package dev.granula.tensor.conformance;

import dev.granula.tensor.Device;
import dev.granula.tensor.Memory;
import dev.granula.tensor.cpu.CpuDevice;

/** The reference with poisoned memory: no kernel reads what nobody wrote. */
final class ReferenceConformanceTest extends BackendConformance {
  private static final Device DEVICE = CpuDevice.of("reference", 1, Memory.Debug.POISON);

  @Override
  public Device device() {
    return DEVICE;
  }

  @Override
  public double tolerance(double fromReference) {
    return Tolerances.EXACT;
  }
}
