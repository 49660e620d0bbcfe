package dev.granula.autograd.ops;

import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;

/** Shape rules of the operations that work along the last dimension. */
final class Rows {
  private Rows() {}

  /** One number per row: all dimensions but the last, as one. */
  static Shape of(Shape shape) {
    return Shape.of(shape.slice(0, shape.rank() - 1).elementCount());
  }

  static void checkWeight(String op, Shape x, Shape weight) {
    if (x.rank() == 0 || !weight.equals(Shape.of(x.dim(-1)))) {
      throw new ShapeException(
          "%s: input [..., D] and weight [D] do not fit: %s with %s".formatted(op, x, weight));
    }
  }
}
