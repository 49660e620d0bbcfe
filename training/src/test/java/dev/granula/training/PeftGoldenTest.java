package dev.granula.training;

import dev.granula.tensor.Device;
import dev.granula.tensor.cpu.Cpu;

/** On the processor. */
final class PeftGoldenTest extends PeftGoldens {
  @Override
  protected Device device() {
    return Cpu.device();
  }
}
