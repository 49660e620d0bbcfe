package dev.granula.autograd.op;

import dev.granula.tensor.DType;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One differentiable operation. An op is a record of its attributes; what one call keeps for its
 * backward pass lives in the {@link Context}. Inputs arrive row-major unless the op {@link
 * #accepts} them.
 */
public interface Op extends VectorJacobian {
  /** Shape and element type of an operand or result. */
  record Spec(Shape shape, DType dtype) {}

  /**
   * The shape and type rule.
   *
   * @throws dev.granula.tensor.ShapeException naming the rule and the shapes
   * @throws dev.granula.tensor.DTypeException naming the rule and the types
   */
  Spec infer(List<Spec> in);

  /** Computes {@code out} and saves in {@code ctx} what {@link #vjp} will read. */
  void forward(Context ctx, List<Tensor> in, Tensor out);

  /**
   * For a result that may never be read, as at the end of a segment that is run again for its
   * gradients: saves what {@link #vjp} will read, as {@link #forward} does, and leaves the result
   * to the computation that is returned. That reads operands and what was saved. An op that reads
   * an operand at once settles its storage first. Null, with nothing done, where the op does not
   * tell the two apart.
   */
  default @Nullable Runnable deferred(Context ctx, List<Tensor> in, Tensor out) {
    return null;
  }

  /**
   * The tensors among the attributes, such as ids and tables: on the device of the operands,
   * without a gradient, and kept until the backward pass has gone by.
   */
  default List<Tensor> attributes() {
    return List.of();
  }

  /**
   * True if {@link #forward} costs little next to a product: what reads the result in its backward
   * pass then has it computed again, where the operands are kept anyway, instead of keeping it.
   * Such a forward pass depends on its operands and attributes alone.
   */
  default boolean isCheap() {
    return false;
  }

  /** For ops that only look at memory in another way: the result without a copy, or null. */
  default @Nullable Tensor view(List<Tensor> in) {
    return null;
  }
}
