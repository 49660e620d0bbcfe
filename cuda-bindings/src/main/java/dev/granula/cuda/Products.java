package dev.granula.cuda;

import dev.granula.cuda.bindings.cublas_h;
import dev.granula.tensor.DType;
import dev.granula.tensor.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The handle of cuBLAS and its one product; TF32 is off unless the precision allows it. */
final class Products implements AutoCloseable {
  private final CudaContext context;
  private final Precision precision;
  private final MemorySegment handle;

  /** The factors of a call, which cuBLAS reads before it returns. */
  private final MemorySegment scale = Arena.ofAuto().allocate(ValueLayout.JAVA_DOUBLE);

  private final MemorySegment previous = Arena.ofAuto().allocate(ValueLayout.JAVA_DOUBLE);

  Products(CudaContext context, Precision precision) {
    this.context = context;
    this.precision = precision;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      check(cublas_h.cublasCreate_v2(out), "cublasCreate");
      handle = out.get(ValueLayout.ADDRESS, 0);
    }
    check(cublas_h.cublasSetStream_v2(handle, context.stream()), "cublasSetStream");
    int mode =
        precision.tf32 ? cublas_h.CUBLAS_TF32_TENSOR_OP_MATH() : cublas_h.CUBLAS_DEFAULT_MATH();
    check(cublas_h.cublasSetMathMode(handle, mode), "cublasSetMathMode");
  }

  Precision precision() {
    return precision;
  }

  /**
   * {@code out = scale * a b + previous * out} for each of {@code batch} matrices.
   *
   * @param operands the type of a and b: that of {@code out}, or BF16 where that is F32
   * @param addresses of a, b and out
   * @param steps distances of the matrices of a batch, in elements
   */
  record Call(
      DType operands,
      DType out,
      Operand a,
      Operand b,
      Operand result,
      long[] addresses,
      long[] steps,
      long batch,
      double scale,
      double previous) {
    /** The same product seen as {@code out^T = b^T a^T}. */
    Call transpose() {
      return new Call(
          operands,
          out,
          b.transpose(),
          a.transpose(),
          result.transpose(),
          new long[] {addresses[1], addresses[0], addresses[2]},
          new long[] {steps[1], steps[0], steps[2]},
          batch,
          scale,
          previous);
    }
  }

  /**
   * cuBLAS counts in columns: a row-major matrix is its transpose there, so {@code out^T = b^T a^T}
   * is what it is asked for, with the operands swapped.
   */
  void multiply(Call call) {
    if (!call.result.rowMajor()) {
      multiply(call.transpose());
      return;
    }
    context.bind();
    boolean wide = call.out == DType.F64;
    int type = type(call.operands);
    check(
        cublas_h.cublasGemmStridedBatchedEx(
            handle,
            operation(call.b),
            operation(call.a),
            Math.toIntExact(call.result.cols()),
            Math.toIntExact(call.result.rows()),
            Math.toIntExact(call.a.cols()),
            number(scale, wide, call.scale),
            MemorySegment.ofAddress(call.addresses[1]),
            type,
            call.b.leading(),
            call.steps[1],
            MemorySegment.ofAddress(call.addresses[0]),
            type,
            call.a.leading(),
            call.steps[0],
            number(previous, wide, call.previous),
            MemorySegment.ofAddress(call.addresses[2]),
            type(call.out),
            call.result.leading(),
            call.steps[2],
            Math.toIntExact(call.batch),
            wide ? cublas_h.CUBLAS_COMPUTE_64F() : cublas_h.CUBLAS_COMPUTE_32F(),
            cublas_h.CUBLAS_GEMM_DEFAULT()),
        "cublasGemmStridedBatchedEx");
  }

  private static int type(DType dtype) {
    return switch (dtype) {
      case F32 -> cublas_h.CUDA_R_32F();
      case F64 -> cublas_h.CUDA_R_64F();
      case BF16 -> cublas_h.CUDA_R_16BF();
      default -> throw new IllegalStateException("matmul: no product of " + dtype);
    };
  }

  private static int operation(Operand operand) {
    return operand.rowMajor() ? cublas_h.CUBLAS_OP_N() : cublas_h.CUBLAS_OP_T();
  }

  private static MemorySegment number(MemorySegment number, boolean wide, double value) {
    if (wide) {
      number.set(ValueLayout.JAVA_DOUBLE, 0, value);
    } else {
      number.set(ValueLayout.JAVA_FLOAT, 0, (float) value);
    }
    return number;
  }

  static void check(int status, String operation) {
    if (status != 0) {
      String name = cublas_h.cublasGetStatusString(status).getString(0);
      throw new DeviceException(
          "cuda: %s: %s; %s".formatted(operation, name, remedy(status, operation)));
    }
  }

  private static String remedy(int status, String operation) {
    if (status == cublas_h.CUBLAS_STATUS_NOT_INITIALIZED()
        || status == cublas_h.CUBLAS_STATUS_ALLOC_FAILED()) {
      return "cuBLAS has too little memory on the device; end other programs there, lower the batch"
          + " size or the maximum length, or turn on gradient checkpointing";
    }
    if (status == cublas_h.CUBLAS_STATUS_ARCH_MISMATCH()
        || status == cublas_h.CUBLAS_STATUS_NOT_SUPPORTED()) {
      return "this cuBLAS has no such product for this device; leave out -D%s, load the weights in F32"
              .formatted(Precision.PROPERTY)
          + " instead of BF16, or update cuBLAS";
    }
    if (status == cublas_h.CUBLAS_STATUS_EXECUTION_FAILED()) {
      return "a kernel before it failed, and the device may be lost to this process; start it again"
          + " from the last checkpoint, and look for errors of the device in the system's log";
    }
    return "see cuBLAS's documentation of " + operation;
  }

  @Override
  public void close() {
    check(cublas_h.cublasDestroy_v2(handle), "cublasDestroy");
  }
}
