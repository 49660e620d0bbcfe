package dev.granula.cuda.bindings;

import static dev.granula.cuda.bindings.Linking.C_INT;
import static dev.granula.cuda.bindings.Linking.C_LONG;
import static dev.granula.cuda.bindings.Linking.C_LONG_LONG;
import static dev.granula.cuda.bindings.Linking.C_POINTER;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The entry points of the CUDA driver API that Granula calls, with the names and signatures that jextract gives them. */
public final class cuda_h {
  private cuda_h() {}

  public static int CUDA_ERROR_STUB_LIBRARY() {
    return 34;
  }

  public static int CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE() {
    return 804;
  }

  public static int CUDA_ERROR_SYSTEM_DRIVER_MISMATCH() {
    return 803;
  }

  public static int CUDA_ERROR_ECC_UNCORRECTABLE() {
    return 214;
  }

  public static int CUDA_SUCCESS() {
    return 0;
  }

  public static int CUDA_ERROR_OUT_OF_MEMORY() {
    return 2;
  }

  public static int CUDA_ERROR_NO_DEVICE() {
    return 100;
  }

  public static int CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR() {
    return 75;
  }

  public static int CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR() {
    return 76;
  }

  public static int CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN() {
    return 97;
  }

  public static int CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES() {
    return 8;
  }

  public static int CU_STREAM_NON_BLOCKING() {
    return 1;
  }

  public static int CU_EVENT_DISABLE_TIMING() {
    return 2;
  }

  private static final class cuInit {
    static final MethodHandle HANDLE = Linking.downcall("cuInit", FunctionDescriptor.of(C_INT, C_INT));
  }

  public static int cuInit(int Flags) {
    try {
      return (int) cuInit.HANDLE.invokeExact(Flags);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuDriverGetVersion {
    static final MethodHandle HANDLE = Linking.downcall("cuDriverGetVersion", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int cuDriverGetVersion(MemorySegment driverVersion) {
    try {
      return (int) cuDriverGetVersion.HANDLE.invokeExact(driverVersion);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuGetErrorName {
    static final MethodHandle HANDLE = Linking.downcall("cuGetErrorName", FunctionDescriptor.of(C_INT, C_INT, C_POINTER));
  }

  public static int cuGetErrorName(int error, MemorySegment pStr) {
    try {
      return (int) cuGetErrorName.HANDLE.invokeExact(error, pStr);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuGetErrorString {
    static final MethodHandle HANDLE = Linking.downcall("cuGetErrorString", FunctionDescriptor.of(C_INT, C_INT, C_POINTER));
  }

  public static int cuGetErrorString(int error, MemorySegment pStr) {
    try {
      return (int) cuGetErrorString.HANDLE.invokeExact(error, pStr);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuDeviceGetCount {
    static final MethodHandle HANDLE = Linking.downcall("cuDeviceGetCount", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int cuDeviceGetCount(MemorySegment count) {
    try {
      return (int) cuDeviceGetCount.HANDLE.invokeExact(count);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuDeviceGet {
    static final MethodHandle HANDLE = Linking.downcall("cuDeviceGet", FunctionDescriptor.of(C_INT, C_POINTER, C_INT));
  }

  public static int cuDeviceGet(MemorySegment device, int ordinal) {
    try {
      return (int) cuDeviceGet.HANDLE.invokeExact(device, ordinal);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuDeviceGetName {
    static final MethodHandle HANDLE = Linking.downcall("cuDeviceGetName", FunctionDescriptor.of(C_INT, C_POINTER, C_INT, C_INT));
  }

  public static int cuDeviceGetName(MemorySegment name, int len, int dev) {
    try {
      return (int) cuDeviceGetName.HANDLE.invokeExact(name, len, dev);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuDeviceGetAttribute {
    static final MethodHandle HANDLE = Linking.downcall("cuDeviceGetAttribute", FunctionDescriptor.of(C_INT, C_POINTER, C_INT, C_INT));
  }

  public static int cuDeviceGetAttribute(MemorySegment pi, int attrib, int dev) {
    try {
      return (int) cuDeviceGetAttribute.HANDLE.invokeExact(pi, attrib, dev);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuDevicePrimaryCtxRetain {
    static final MethodHandle HANDLE = Linking.downcall("cuDevicePrimaryCtxRetain", FunctionDescriptor.of(C_INT, C_POINTER, C_INT));
  }

  public static int cuDevicePrimaryCtxRetain(MemorySegment pctx, int dev) {
    try {
      return (int) cuDevicePrimaryCtxRetain.HANDLE.invokeExact(pctx, dev);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuDevicePrimaryCtxRelease_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cuDevicePrimaryCtxRelease_v2", FunctionDescriptor.of(C_INT, C_INT));
  }

  public static int cuDevicePrimaryCtxRelease_v2(int dev) {
    try {
      return (int) cuDevicePrimaryCtxRelease_v2.HANDLE.invokeExact(dev);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuCtxSetCurrent {
    static final MethodHandle HANDLE = Linking.downcall("cuCtxSetCurrent", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int cuCtxSetCurrent(MemorySegment ctx) {
    try {
      return (int) cuCtxSetCurrent.HANDLE.invokeExact(ctx);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuMemGetInfo_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cuMemGetInfo_v2", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER));
  }

  public static int cuMemGetInfo_v2(MemorySegment free, MemorySegment total) {
    try {
      return (int) cuMemGetInfo_v2.HANDLE.invokeExact(free, total);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuMemAlloc_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cuMemAlloc_v2", FunctionDescriptor.of(C_INT, C_POINTER, C_LONG));
  }

  public static int cuMemAlloc_v2(MemorySegment dptr, long bytesize) {
    try {
      return (int) cuMemAlloc_v2.HANDLE.invokeExact(dptr, bytesize);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuMemFree_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cuMemFree_v2", FunctionDescriptor.of(C_INT, C_LONG_LONG));
  }

  public static int cuMemFree_v2(long dptr) {
    try {
      return (int) cuMemFree_v2.HANDLE.invokeExact(dptr);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuMemAllocHost_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cuMemAllocHost_v2", FunctionDescriptor.of(C_INT, C_POINTER, C_LONG));
  }

  public static int cuMemAllocHost_v2(MemorySegment pp, long bytesize) {
    try {
      return (int) cuMemAllocHost_v2.HANDLE.invokeExact(pp, bytesize);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuMemFreeHost {
    static final MethodHandle HANDLE = Linking.downcall("cuMemFreeHost", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int cuMemFreeHost(MemorySegment p) {
    try {
      return (int) cuMemFreeHost.HANDLE.invokeExact(p);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuMemcpyHtoDAsync_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cuMemcpyHtoDAsync_v2", FunctionDescriptor.of(C_INT, C_LONG_LONG, C_POINTER, C_LONG, C_POINTER));
  }

  public static int cuMemcpyHtoDAsync_v2(long dstDevice, MemorySegment srcHost, long ByteCount, MemorySegment hStream) {
    try {
      return (int) cuMemcpyHtoDAsync_v2.HANDLE.invokeExact(dstDevice, srcHost, ByteCount, hStream);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuMemcpyDtoHAsync_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cuMemcpyDtoHAsync_v2", FunctionDescriptor.of(C_INT, C_POINTER, C_LONG_LONG, C_LONG, C_POINTER));
  }

  public static int cuMemcpyDtoHAsync_v2(MemorySegment dstHost, long srcDevice, long ByteCount, MemorySegment hStream) {
    try {
      return (int) cuMemcpyDtoHAsync_v2.HANDLE.invokeExact(dstHost, srcDevice, ByteCount, hStream);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuMemcpyDtoDAsync_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cuMemcpyDtoDAsync_v2", FunctionDescriptor.of(C_INT, C_LONG_LONG, C_LONG_LONG, C_LONG, C_POINTER));
  }

  public static int cuMemcpyDtoDAsync_v2(long dstDevice, long srcDevice, long ByteCount, MemorySegment hStream) {
    try {
      return (int) cuMemcpyDtoDAsync_v2.HANDLE.invokeExact(dstDevice, srcDevice, ByteCount, hStream);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuStreamCreate {
    static final MethodHandle HANDLE = Linking.downcall("cuStreamCreate", FunctionDescriptor.of(C_INT, C_POINTER, C_INT));
  }

  public static int cuStreamCreate(MemorySegment phStream, int Flags) {
    try {
      return (int) cuStreamCreate.HANDLE.invokeExact(phStream, Flags);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuStreamSynchronize {
    static final MethodHandle HANDLE = Linking.downcall("cuStreamSynchronize", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int cuStreamSynchronize(MemorySegment hStream) {
    try {
      return (int) cuStreamSynchronize.HANDLE.invokeExact(hStream);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuStreamDestroy_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cuStreamDestroy_v2", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int cuStreamDestroy_v2(MemorySegment hStream) {
    try {
      return (int) cuStreamDestroy_v2.HANDLE.invokeExact(hStream);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuEventCreate {
    static final MethodHandle HANDLE = Linking.downcall("cuEventCreate", FunctionDescriptor.of(C_INT, C_POINTER, C_INT));
  }

  public static int cuEventCreate(MemorySegment phEvent, int Flags) {
    try {
      return (int) cuEventCreate.HANDLE.invokeExact(phEvent, Flags);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuEventRecord {
    static final MethodHandle HANDLE = Linking.downcall("cuEventRecord", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER));
  }

  public static int cuEventRecord(MemorySegment hEvent, MemorySegment hStream) {
    try {
      return (int) cuEventRecord.HANDLE.invokeExact(hEvent, hStream);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuEventSynchronize {
    static final MethodHandle HANDLE = Linking.downcall("cuEventSynchronize", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int cuEventSynchronize(MemorySegment hEvent) {
    try {
      return (int) cuEventSynchronize.HANDLE.invokeExact(hEvent);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuEventDestroy_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cuEventDestroy_v2", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int cuEventDestroy_v2(MemorySegment hEvent) {
    try {
      return (int) cuEventDestroy_v2.HANDLE.invokeExact(hEvent);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuModuleLoadData {
    static final MethodHandle HANDLE = Linking.downcall("cuModuleLoadData", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER));
  }

  public static int cuModuleLoadData(MemorySegment module, MemorySegment image) {
    try {
      return (int) cuModuleLoadData.HANDLE.invokeExact(module, image);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuModuleGetFunction {
    static final MethodHandle HANDLE = Linking.downcall("cuModuleGetFunction", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER, C_POINTER));
  }

  public static int cuModuleGetFunction(MemorySegment hfunc, MemorySegment hmod, MemorySegment name) {
    try {
      return (int) cuModuleGetFunction.HANDLE.invokeExact(hfunc, hmod, name);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuModuleUnload {
    static final MethodHandle HANDLE = Linking.downcall("cuModuleUnload", FunctionDescriptor.of(C_INT, C_POINTER));
  }

  public static int cuModuleUnload(MemorySegment hmod) {
    try {
      return (int) cuModuleUnload.HANDLE.invokeExact(hmod);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuFuncSetAttribute {
    static final MethodHandle HANDLE = Linking.downcall("cuFuncSetAttribute", FunctionDescriptor.of(C_INT, C_POINTER, C_INT, C_INT));
  }

  public static int cuFuncSetAttribute(MemorySegment hfunc, int attrib, int value) {
    try {
      return (int) cuFuncSetAttribute.HANDLE.invokeExact(hfunc, attrib, value);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuLaunchKernel {
    static final MethodHandle HANDLE = Linking.downcall("cuLaunchKernel", FunctionDescriptor.of(C_INT, C_POINTER, C_INT, C_INT, C_INT, C_INT, C_INT, C_INT, C_INT, C_POINTER, C_POINTER, C_POINTER));
  }

  public static int cuLaunchKernel(MemorySegment f, int gridDimX, int gridDimY, int gridDimZ, int blockDimX, int blockDimY, int blockDimZ, int sharedMemBytes, MemorySegment hStream, MemorySegment kernelParams, MemorySegment extra) {
    try {
      return (int) cuLaunchKernel.HANDLE.invokeExact(f, gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ, sharedMemBytes, hStream, kernelParams, extra);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }

  private static final class cuDeviceTotalMem_v2 {
    static final MethodHandle HANDLE = Linking.downcall("cuDeviceTotalMem_v2", FunctionDescriptor.of(C_INT, C_POINTER, C_INT));
  }

  public static int cuDeviceTotalMem_v2(MemorySegment bytes, int dev) {
    try {
      return (int) cuDeviceTotalMem_v2.HANDLE.invokeExact(bytes, dev);
    } catch (Throwable e) {
      throw Linking.rethrow(e);
    }
  }
}
