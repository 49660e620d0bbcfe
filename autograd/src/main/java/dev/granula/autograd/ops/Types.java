package dev.granula.autograd.ops;

import dev.granula.autograd.op.Op;
import dev.granula.tensor.DType;
import dev.granula.tensor.DTypeException;
import java.util.List;

/** The rule that arithmetic is done in one type, F32 or F64; others only store. */
final class Types {
  private Types() {}

  /** The type that all operands share. */
  static DType common(String op, List<Op.Spec> in) {
    DType first = in.getFirst().dtype();
    for (Op.Spec spec : in) {
      if (spec.dtype() != first) {
        throw new DTypeException(
            "%s: element types differ: %s with %s; cast one".formatted(op, first, spec.dtype()));
      }
    }
    if (first != DType.F32 && first != DType.F64) {
      throw new DTypeException("%s: needs F32 or F64: %s; cast it".formatted(op, first));
    }
    return first;
  }

  /** The type of {@code x}; the weight of a product shares it or is stored in half of F32. */
  static DType withWeight(String op, Op.Spec x, Op.Spec weight) {
    boolean half = weight.dtype() == DType.BF16 || weight.dtype() == DType.F16;
    return common(op, half ? List.of(x) : List.of(x, weight));
  }

  static void checkIndices(String op, String what, DType dtype) {
    if (dtype != DType.I32) {
      throw new DTypeException("%s: %s must be I32: %s".formatted(op, what, dtype));
    }
  }
}
