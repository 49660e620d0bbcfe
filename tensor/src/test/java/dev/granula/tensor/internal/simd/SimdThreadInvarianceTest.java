package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Device;
import dev.granula.tensor.Memory;
import dev.granula.tensor.conformance.BackendConformance;
import dev.granula.tensor.conformance.Tolerances;
import dev.granula.tensor.cpu.CpuDevice;

/** Every case again, two threads against one: the same bits. */
final class SimdThreadInvarianceTest extends BackendConformance {
  private static final Device TWO_THREADS = CpuDevice.of("simd", 2, Memory.Debug.POISON);
  private static final Device ONE_THREAD = CpuDevice.of("simd", 1, Memory.Debug.POISON);

  @Override
  public Device device() {
    return TWO_THREADS;
  }

  @Override
  public Device expectedDevice() {
    return ONE_THREAD;
  }

  @Override
  public double tolerance(double fromReference) {
    return Tolerances.EXACT;
  }
}
