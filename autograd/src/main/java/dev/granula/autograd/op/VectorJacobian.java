package dev.granula.autograd.op;

import dev.granula.tensor.Tensor;

/** The backward half of an operation. */
public interface VectorJacobian {
  /** The name that messages show. */
  default String name() {
    String type = getClass().getSimpleName();
    return Character.toLowerCase(type.charAt(0)) + type.substring(1);
  }

  /**
   * Adds, for every input that needs it, the vector-Jacobian product with {@code g} (of out's
   * shape).
   */
  void vjp(Context ctx, Tensor g, Gradients grads);

  /** True if operands and gradients may have any strides. */
  default boolean takesStrides() {
    return false;
  }

  /** True if the kernels read {@code operand} as it lies; else the engine makes it row-major. */
  default boolean accepts(Tensor operand) {
    return takesStrides() || operand.isContiguous();
  }
}
