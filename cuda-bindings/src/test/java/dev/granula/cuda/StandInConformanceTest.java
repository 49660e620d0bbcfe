package dev.granula.cuda;

import dev.granula.tensor.Device;
import dev.granula.tensor.conformance.BackendConformance;
import org.junit.jupiter.api.condition.EnabledIf;

/**
 * The whole back end through the real bindings, on the stand-in driver: it proves the calls, the
 * layouts of arguments and the logic of the kernels, and nothing about a GPU.
 */
@EnabledIf(
    value = "dev.granula.cuda.StandIn#compilerIsThere",
    disabledReason = "g++ is not on the PATH: the CUDA kernels are not tested")
final class StandInConformanceTest extends BackendConformance {
  @Override
  public Device device() {
    return StandIn.device();
  }
}
