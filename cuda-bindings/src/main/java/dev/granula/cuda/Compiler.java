package dev.granula.cuda;

import dev.granula.cuda.bindings.nvrtc_h;
import dev.granula.tensor.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

/**
 * NVRTC: CUDA C++ to machine code for one architecture. Not to PTX, which a driver older than the
 * compiler refuses.
 */
final class Compiler {
  private Compiler() {}

  static Installation.Version version() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment major = arena.allocate(ValueLayout.JAVA_INT);
      MemorySegment minor = arena.allocate(ValueLayout.JAVA_INT);
      check(nvrtc_h.nvrtcVersion(major, minor), "nvrtcVersion");
      return new Installation.Version(
          major.get(ValueLayout.JAVA_INT, 0), minor.get(ValueLayout.JAVA_INT, 0));
    }
  }

  /** Compute capabilities that it makes code for, for example 75, 80, 90. */
  static List<Integer> architectures() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
      check(nvrtc_h.nvrtcGetNumSupportedArchs(count), "nvrtcGetNumSupportedArchs");
      MemorySegment all = arena.allocate(ValueLayout.JAVA_INT, count.get(ValueLayout.JAVA_INT, 0));
      check(nvrtc_h.nvrtcGetSupportedArchs(all), "nvrtcGetSupportedArchs");
      return Arrays.stream(all.toArray(ValueLayout.JAVA_INT)).boxed().toList();
    }
  }

  /**
   * @param name for messages of the compiler
   * @param options command-line options of NVRTC
   * @throws DeviceException with the compiler's log
   */
  static byte[] compile(String name, String source, List<String> options) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = arena.allocate(ValueLayout.ADDRESS);
      check(
          nvrtc_h.nvrtcCreateProgram(
              handle,
              arena.allocateFrom(source),
              arena.allocateFrom(name),
              0,
              MemorySegment.NULL,
              MemorySegment.NULL),
          "nvrtcCreateProgram");
      MemorySegment program = handle.get(ValueLayout.ADDRESS, 0);
      try {
        return compile(arena, program, name, options);
      } finally {
        check(nvrtc_h.nvrtcDestroyProgram(handle), "nvrtcDestroyProgram");
      }
    }
  }

  private static byte[] compile(
      Arena arena, MemorySegment program, String name, List<String> options) {
    MemorySegment pointers = arena.allocate(ValueLayout.ADDRESS, Math.max(1, options.size()));
    for (int i = 0; i < options.size(); i++) {
      pointers.setAtIndex(ValueLayout.ADDRESS, i, arena.allocateFrom(options.get(i)));
    }
    int result = nvrtc_h.nvrtcCompileProgram(program, options.size(), pointers);
    if (result != nvrtc_h.NVRTC_SUCCESS()) {
      throw new DeviceException(
          "cuda: compile %s with %s: %s\n%s"
              .formatted(name, options, text(result), log(arena, program)));
    }
    MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
    check(nvrtc_h.nvrtcGetCUBINSize(program, size), "nvrtcGetCUBINSize");
    MemorySegment cubin = arena.allocate(size.get(ValueLayout.JAVA_LONG, 0));
    check(nvrtc_h.nvrtcGetCUBIN(program, cubin), "nvrtcGetCUBIN");
    return cubin.toArray(ValueLayout.JAVA_BYTE);
  }

  private static String log(Arena arena, MemorySegment program) {
    MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
    check(nvrtc_h.nvrtcGetProgramLogSize(program, size), "nvrtcGetProgramLogSize");
    MemorySegment log = arena.allocate(size.get(ValueLayout.JAVA_LONG, 0) + 1);
    check(nvrtc_h.nvrtcGetProgramLog(program, log), "nvrtcGetProgramLog");
    return log.getString(0);
  }

  private static String text(int result) {
    return nvrtc_h.nvrtcGetErrorString(result).getString(0);
  }

  private static void check(int result, String operation) {
    if (result != nvrtc_h.NVRTC_SUCCESS()) {
      throw new DeviceException("cuda: %s: %s".formatted(operation, text(result)));
    }
  }
}
