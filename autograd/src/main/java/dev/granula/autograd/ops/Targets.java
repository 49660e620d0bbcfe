package dev.granula.autograd.ops;

import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;

/** The rule that class indices of a loss keep. */
final class Targets {
  private Targets() {}

  static void check(String op, Tensor targets, Shape rows, long classes) {
    if (rows.rank() != 2 || !targets.shape().equals(Shape.of(rows.dim(0)))) {
      throw new ShapeException(
          "%s: needs rows [N, ...] and targets [N]: %s with %s"
              .formatted(op, rows, targets.shape()));
    }
    Types.checkIndices(op, "targets", targets.dtype());
    if (classes == 0) {
      throw new ShapeException("%s: there are no classes: %s".formatted(op, rows));
    }
  }
}
