package dev.granula.cuda;

import dev.granula.cuda.bindings.cuda_h;
import dev.granula.tensor.DeviceException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Turns result codes of the CUDA driver into exceptions. */
final class Driver {
  /** Codes in this range say that the context is lost: illegal addresses, failed launches. */
  private static final int FIRST_LOST = 700;

  private static final int LAST_LOST = 799;

  private Driver() {}

  /** Throws unless {@code result} is success. */
  static void check(int result, String operation) {
    if (result != cuda_h.CUDA_SUCCESS()) {
      throw failure(result, operation);
    }
  }

  static DeviceException failure(int result, String operation) {
    return new DeviceException(
        "cuda: %s: %s (%s); %s"
            .formatted(
                operation, text(result, true), text(result, false), remedy(result, operation)));
  }

  private static String remedy(int result, String operation) {
    if (result == cuda_h.CUDA_ERROR_NO_DEVICE()) {
      return "no NVIDIA GPU is visible; check nvidia-smi and CUDA_VISIBLE_DEVICES";
    }
    if (result == cuda_h.CUDA_ERROR_STUB_LIBRARY()) {
      return "libcuda.so.1 is the toolkit's stub; install the NVIDIA driver";
    }
    if (result == cuda_h.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH()
        || result == cuda_h.CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE()) {
      return "the driver's library and its kernel module differ; restart the machine after an"
          + " update of the driver, or take the library of the installed one";
    }
    if (isLost(result)) {
      return "the device is lost to this process; start it again from the last checkpoint";
    }
    return "see the CUDA driver's documentation of " + operation;
  }

  private static boolean isLost(int result) {
    return result >= FIRST_LOST && result <= LAST_LOST
        || result == cuda_h.CUDA_ERROR_ECC_UNCORRECTABLE();
  }

  private static String text(int result, boolean name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      int rc = name ? cuda_h.cuGetErrorName(result, out) : cuda_h.cuGetErrorString(result, out);
      MemorySegment text = out.get(unbounded(), 0);
      return rc != 0 || text.address() == 0 ? "error " + result : text.getString(0);
    }
  }

  @SuppressWarnings("restricted")
  private static AddressLayout unbounded() {
    return ValueLayout.ADDRESS.withTargetLayout(
        MemoryLayout.sequenceLayout(Long.MAX_VALUE, ValueLayout.JAVA_BYTE));
  }
}
