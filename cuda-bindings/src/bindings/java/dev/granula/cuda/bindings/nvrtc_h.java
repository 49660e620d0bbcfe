package dev.granula.cuda.bindings;

import static dev.granula.cuda.bindings.Linking.C_INT;
import static dev.granula.cuda.bindings.Linking.C_POINTER;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The entry points of NVRTC, the run-time compiler, that Granula calls, with the names and signatures that jextract gives them. */
public final class nvrtc_h {
  private nvrtc_h() {}

  public static int NVRTC_SUCCESS() {
    return 0;
  }

  private static final class nvrtcVersion {
    static final MethodHandle HANDLE = Linking.downcall("nvrtcVersion", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER));
  }

  public static int nvrtcVersion(MemorySegment major, MemorySegment minor) {
    try {
      return (int) nvrtcVersion.HANDLE.invokeExact(major, minor);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class nvrtcCreateProgram {
    static final MethodHandle HANDLE = Linking.downcall("nvrtcCreateProgram", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER, C_POINTER, C_INT, C_POINTER, C_POINTER));
  }

  public static int nvrtcCreateProgram(MemorySegment prog, MemorySegment src, MemorySegment name, int numHeaders, MemorySegment headers, MemorySegment includeNames) {
    try {
      return (int) nvrtcCreateProgram.HANDLE.invokeExact(prog, src, name, numHeaders, headers, includeNames);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class nvrtcCompileProgram {
    static final MethodHandle HANDLE = Linking.downcall("nvrtcCompileProgram", FunctionDescriptor.of(C_INT, C_POINTER, C_INT, C_POINTER));
  }

  public static int nvrtcCompileProgram(MemorySegment prog, int numOptions, MemorySegment options) {
    try {
      return (int) nvrtcCompileProgram.HANDLE.invokeExact(prog, numOptions, options);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class nvrtcGetCUBINSize {
    static final MethodHandle HANDLE = Linking.downcall("nvrtcGetCUBINSize", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER));
  }

  public static int nvrtcGetCUBINSize(MemorySegment prog, MemorySegment cubinSizeRet) {
    try {
      return (int) nvrtcGetCUBINSize.HANDLE.invokeExact(prog, cubinSizeRet);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class nvrtcGetCUBIN {
    static final MethodHandle HANDLE = Linking.downcall("nvrtcGetCUBIN", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER));
  }

  public static int nvrtcGetCUBIN(MemorySegment prog, MemorySegment cubin) {
    try {
      return (int) nvrtcGetCUBIN.HANDLE.invokeExact(prog, cubin);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class nvrtcGetProgramLogSize {
    static final MethodHandle HANDLE = Linking.downcall("nvrtcGetProgramLogSize", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER));
  }

  public static int nvrtcGetProgramLogSize(MemorySegment prog, MemorySegment logSizeRet) {
    try {
      return (int) nvrtcGetProgramLogSize.HANDLE.invokeExact(prog, logSizeRet);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class nvrtcGetProgramLog {
    static final MethodHandle HANDLE = Linking.downcall("nvrtcGetProgramLog", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER));
  }

  public static int nvrtcGetProgramLog(MemorySegment prog, MemorySegment log) {
    try {
      return (int) nvrtcGetProgramLog.HANDLE.invokeExact(prog, log);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class nvrtcDestroyProgram {
    static final MethodHandle HANDLE = Linking.downcall("nvrtcDestroyProgram", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int nvrtcDestroyProgram(MemorySegment prog) {
    try {
      return (int) nvrtcDestroyProgram.HANDLE.invokeExact(prog);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class nvrtcGetErrorString {
    static final MethodHandle HANDLE = Linking.downcall("nvrtcGetErrorString", FunctionDescriptor.of(C_POINTER, C_INT));
  }

  public static MemorySegment nvrtcGetErrorString(int result) {
    try {
      return (MemorySegment) nvrtcGetErrorString.HANDLE.invokeExact(result);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class nvrtcGetNumSupportedArchs {
    static final MethodHandle HANDLE = Linking.downcall("nvrtcGetNumSupportedArchs", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int nvrtcGetNumSupportedArchs(MemorySegment numArchs) {
    try {
      return (int) nvrtcGetNumSupportedArchs.HANDLE.invokeExact(numArchs);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class nvrtcGetSupportedArchs {
    static final MethodHandle HANDLE = Linking.downcall("nvrtcGetSupportedArchs", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int nvrtcGetSupportedArchs(MemorySegment supportedArchs) {
    try {
      return (int) nvrtcGetSupportedArchs.HANDLE.invokeExact(supportedArchs);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }
}
