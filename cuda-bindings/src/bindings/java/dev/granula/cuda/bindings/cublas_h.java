package dev.granula.cuda.bindings;

import static dev.granula.cuda.bindings.Linking.C_INT;
import static dev.granula.cuda.bindings.Linking.C_LONG_LONG;
import static dev.granula.cuda.bindings.Linking.C_POINTER;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The entry points of cuBLAS that Granula calls, with the names and signatures that jextract gives them. */
public final class cublas_h {
  private cublas_h() {}

  public static int CUBLAS_TF32_TENSOR_OP_MATH() {
    return 3;
  }

  public static int CUDA_R_16BF() {
    return 14;
  }

  public static int CUBLAS_OP_N() {
    return 0;
  }

  public static int CUBLAS_OP_T() {
    return 1;
  }

  public static int CUBLAS_DEFAULT_MATH() {
    return 0;
  }

  public static int CUBLAS_COMPUTE_32F() {
    return 68;
  }

  public static int CUBLAS_COMPUTE_64F() {
    return 70;
  }

  public static int CUBLAS_GEMM_DEFAULT() {
    return -1;
  }

  public static int CUDA_R_32F() {
    return 0;
  }

  public static int CUDA_R_64F() {
    return 1;
  }

  public static int CUBLAS_STATUS_NOT_INITIALIZED() {
    return 1;
  }

  public static int CUBLAS_STATUS_ALLOC_FAILED() {
    return 3;
  }

  public static int CUBLAS_STATUS_ARCH_MISMATCH() {
    return 8;
  }

  public static int CUBLAS_STATUS_EXECUTION_FAILED() {
    return 13;
  }

  public static int CUBLAS_STATUS_NOT_SUPPORTED() {
    return 15;
  }

  private static final class cublasCreate_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cublasCreate_v2", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int cublasCreate_v2(MemorySegment handle) {
    try {
      return (int) cublasCreate_v2.HANDLE.invokeExact(handle);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cublasDestroy_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cublasDestroy_v2", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int cublasDestroy_v2(MemorySegment handle) {
    try {
      return (int) cublasDestroy_v2.HANDLE.invokeExact(handle);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cublasSetStream_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cublasSetStream_v2", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER));
  }

  public static int cublasSetStream_v2(MemorySegment handle, MemorySegment streamId) {
    try {
      return (int) cublasSetStream_v2.HANDLE.invokeExact(handle, streamId);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cublasSetMathMode {
    static final MethodHandle HANDLE = Linking.downcall("cublasSetMathMode", FunctionDescriptor.of(C_INT, C_POINTER, C_INT));
  }

  public static int cublasSetMathMode(MemorySegment handle, int mode) {
    try {
      return (int) cublasSetMathMode.HANDLE.invokeExact(handle, mode);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cublasGemmStridedBatchedEx {
    static final MethodHandle HANDLE = Linking.downcall("cublasGemmStridedBatchedEx", FunctionDescriptor.of(C_INT, C_POINTER, C_INT, C_INT, C_INT, C_INT, C_INT, C_POINTER, C_POINTER, C_INT, C_INT, C_LONG_LONG, C_POINTER, C_INT, C_INT, C_LONG_LONG, C_POINTER, C_POINTER, C_INT, C_INT, C_LONG_LONG, C_INT, C_INT, C_INT));
  }

  public static int cublasGemmStridedBatchedEx(MemorySegment handle, int transa, int transb, int m, int n, int k, MemorySegment alpha, MemorySegment A, int Atype, int lda, long strideA, MemorySegment B, int Btype, int ldb, long strideB, MemorySegment beta, MemorySegment C, int Ctype, int ldc, long strideC, int batchCount, int computeType, int algo) {
    try {
      return (int) cublasGemmStridedBatchedEx.HANDLE.invokeExact(handle, transa, transb, m, n, k, alpha, A, Atype, lda, strideA, B, Btype, ldb, strideB, beta, C, Ctype, ldc, strideC, batchCount, computeType, algo);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cublasGetStatusString {
    static final MethodHandle HANDLE = Linking.downcall("cublasGetStatusString", FunctionDescriptor.of(C_POINTER, C_INT));
  }

  public static MemorySegment cublasGetStatusString(int status) {
    try {
      return (MemorySegment) cublasGetStatusString.HANDLE.invokeExact(status);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cublasGetProperty {
    static final MethodHandle HANDLE = Linking.downcall("cublasGetProperty", FunctionDescriptor.of(C_INT, C_INT, C_POINTER));
  }

  public static int cublasGetProperty(int type, MemorySegment value) {
    try {
      return (int) cublasGetProperty.HANDLE.invokeExact(type, value);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }
}
