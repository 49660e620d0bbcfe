package dev.granula.cuda;

import dev.granula.tensor.Device;
import dev.granula.tensor.conformance.BackendConformance;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;

/**
 * The whole back end on a real GPU; runs with {@code -Pgpu} alone and fails where there is none.
 */
@Tag("gpu")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class GpuConformanceTest extends BackendConformance {
  private CudaDevice device;

  @BeforeAll
  void open() {
    device = CudaDevice.open(0);
    System.out.println(device.describe());
  }

  @AfterAll
  void close() {
    device.close();
  }

  @Override
  public Device device() {
    return device;
  }
}
