package dev.granula.cuda;

import dev.granula.tensor.Device;
import dev.granula.training.PeftGoldens;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;

/** Steps of GraLoRA, LoRA and AdamW as PyTorch and PEFT compute them, on a real GPU. */
@Tag("gpu")
final class GpuGoldenTest extends PeftGoldens {
  private static final class Holder {
    static final CudaDevice DEVICE = CudaDevice.open(0);
  }

  @AfterAll
  static void close() {
    Holder.DEVICE.close();
  }

  @Override
  protected Device device() {
    return Holder.DEVICE;
  }
}
