package dev.granula.autograd.ops;

import dev.granula.tensor.DType;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;

/** The rule that class indices of a loss keep. */
final class Targets {
  private Targets() {}

  static void check(String op, Tensor targets, Shape rows, long classes) {
    boolean fits = rows.rank() == 2 && targets.shape().equals(Shape.of(rows.dim(0)));
    if (!fits || targets.dtype() != DType.I32) {
      throw new ShapeException(
          "%s: needs rows [N, ...] and I32 targets [N]: %s with %s%s"
              .formatted(op, rows, targets.dtype(), targets.shape()));
    }
    if (classes == 0) {
      throw new ShapeException("%s: there are no classes: %s".formatted(op, rows));
    }
  }
}
