package dev.granula.tensor.cpu;

import dev.granula.tensor.Device;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.DeviceProvider;
import java.util.Map;
import java.util.Objects;

/** The processor, which is always there. */
public final class CpuProvider implements DeviceProvider {
  /** For {@link java.util.ServiceLoader}. */
  public CpuProvider() {}

  @Override
  public String kind() {
    return "cpu";
  }

  @Override
  public int priority() {
    return 0;
  }

  @Override
  public Status status() {
    String reason = Objects.requireNonNullElse(CpuBackends.obstacle(), "the Vector API is loaded");
    return new Status(true, reason, Map.of());
  }

  @Override
  public Device open(int ordinal) {
    if (ordinal != 0) {
      throw new DeviceException(
          "cpu: there is no device %d; the processor is cpu".formatted(ordinal));
    }
    return CpuDevice.create();
  }
}
