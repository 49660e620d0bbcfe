package dev.granula.cuda;

import dev.granula.tensor.Device;
import dev.granula.training.PeftGoldens;
import org.junit.jupiter.api.condition.EnabledIf;

/** Steps of GraLoRA, LoRA and AdamW as PyTorch and PEFT compute them, on the stand-in driver. */
@EnabledIf(
    value = "dev.granula.cuda.StandIn#compilerIsThere",
    disabledReason = "g++ is not on the PATH: the CUDA kernels are not tested")
final class StandInGoldenTest extends PeftGoldens {
  @Override
  protected Device device() {
    return StandIn.device();
  }
}
