package dev.granula.tensor.cpu;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.Workers;
import org.jspecify.annotations.Nullable;

/**
 * Finds the back ends of the processor. The vector one is loaded by name, because its classes link
 * only where the Vector API's module is present.
 */
final class CpuBackends {
  static final String REFERENCE = "reference";
  static final String SIMD = "simd";

  private static final String VECTOR_MODULE = "jdk.incubator.vector";
  private static final String SIMD_CLASS = "dev.granula.tensor.internal.simd.SimdBackend";

  private CpuBackends() {}

  /** Why this JVM cannot run the simd back end and what to do, or null if it can. */
  static @Nullable String obstacle() {
    if (ModuleLayer.boot().findModule(VECTOR_MODULE).isEmpty()) {
      return ("the module %s is not loaded; run on the module path"
              + " or add '--add-modules %s' to the java command")
          .formatted(VECTOR_MODULE, VECTOR_MODULE);
    }
    return null;
  }

  static Backend simd(Workers workers) {
    String obstacle = obstacle();
    if (obstacle != null) {
      throw new DeviceException("cpu: no simd back end: " + obstacle);
    }
    try {
      return (Backend) Class.forName(SIMD_CLASS).getConstructor(Workers.class).newInstance(workers);
    } catch (ReflectiveOperationException e) {
      throw new DeviceException("cpu: the simd back end does not start", e);
    }
  }
}
