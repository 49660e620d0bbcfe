package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Workers;
import dev.granula.tensor.reference.ReferenceBackend;

/**
 * The kernels of the processor on the Vector API and several threads. What it does not speed up,
 * F64 included, it inherits in plain Java. The kernels stand in one class per family.
 */
public final class SimdBackend extends ReferenceBackend {
  private final Workers workers;

  public SimdBackend(Workers workers) {
    this.workers = workers;
  }

  @Override
  public String name() {
    return "simd-" + Simd.F32.vectorBitSize();
  }
}
