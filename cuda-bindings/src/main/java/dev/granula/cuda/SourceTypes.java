package dev.granula.cuda;

import dev.granula.tensor.DType;

/** Element types in CUDA C++. */
final class SourceTypes {
  private SourceTypes() {}

  static String name(DType dtype) {
    return switch (dtype) {
      case F32 -> "float";
      case F64 -> "double";
      case BF16 -> "bf16";
      case F16 -> "f16";
      case I32 -> "int";
      case I64 -> "i64";
    };
  }
}
