package dev.granula.cuda;

import dev.granula.cuda.bindings.cuda_h;
import dev.granula.tensor.DeviceException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Set;

/** Turns result codes of the CUDA driver into exceptions. */
final class Driver {
  /**
   * Codes after which no call of the process works: illegal address, time-out of a kernel, context
   * destroyed, assert, and from 714 on stack error, illegal instruction, misaligned address,
   * invalid address space, invalid program counter, launch failed.
   */
  private static final Set<Integer> LOST = Set.of(700, 702, 709, 710, 714, 715, 716, 717, 718, 719);

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
    return LOST.contains(result) || result == cuda_h.CUDA_ERROR_ECC_UNCORRECTABLE();
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
