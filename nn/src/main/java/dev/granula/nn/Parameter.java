package dev.granula.nn;

import dev.granula.autograd.Variable;
import dev.granula.tensor.DType;
import dev.granula.tensor.DTypeException;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A named weight of a module, in persistent memory. It is trainable or frozen; a frozen one is a
 * constant to autograd and costs nothing in a backward pass.
 */
public final class Parameter {
  /** What a parameter belongs to: "train only adapters" is a filter on this. */
  public enum Role {
    BASE,
    ADAPTER
  }

  private final Role role;
  private Variable variable;

  private Parameter(Role role, Variable variable) {
    this.role = role;
    this.variable = variable;
  }

  /** A frozen weight of the model itself; {@code data} must be persistent. */
  public static Parameter base(Tensor data) {
    return new Parameter(Role.BASE, Variable.constant(checkPersistent(data)));
  }

  /** A trainable weight of an adapter, F32 or F64; {@code data} must be persistent. */
  public static Parameter adapter(Tensor data) {
    return new Parameter(Role.ADAPTER, Variable.leaf(checkPersistent(data)));
  }

  private static Tensor checkPersistent(Tensor data) {
    if (!data.storage().isPersistent()) {
      throw new ShapeException(
          "parameter: the memory of %s ends with its step; use Tensor.persistent".formatted(data));
    }
    return data;
  }

  public Role role() {
    return role;
  }

  /**
   * This weight in a graph. Ask for it anew in each forward pass: training and freezing replace it.
   */
  public Variable variable() {
    return variable;
  }

  public Tensor data() {
    return variable.data();
  }

  public Shape shape() {
    return variable.shape();
  }

  public DType dtype() {
    return variable.dtype();
  }

  public boolean isTrainable() {
    return variable.requiresGrad();
  }

  public @Nullable Tensor grad() {
    return variable.grad();
  }

  public void zeroGrad() {
    variable.zeroGrad();
  }

  /**
   * Trains or freezes this weight.
   *
   * @throws DTypeException if a BF16 or F16 weight is to be trained; {@link #widen} it first
   */
  public void setTrainable(boolean trainable) {
    if (trainable && isHalf()) {
      throw new DTypeException(
          "train: gradients need F32 or F64, the parameter is %s; widen it first"
              .formatted(data()));
    }
    if (trainable != isTrainable()) {
      variable = trainable ? Variable.leaf(data()) : Variable.constant(data());
    }
  }

  /** Replaces a BF16 or F16 weight by an F32 copy, as full fine-tuning needs it. */
  public void widen() {
    if (isHalf()) {
      Tensor wide = Tensor.emptyPersistent(data().device(), DType.F32, shape());
      data().backend().copy(data(), wide);
      variable = Variable.constant(wide);
    }
  }

  private boolean isHalf() {
    return dtype() == DType.BF16 || dtype() == DType.F16;
  }

  /** Copies {@code values} into this weight, converting the element type. */
  public void assign(Tensor values) {
    if (!values.shape().equals(shape())) {
      throw new ShapeException(
          "assign: the parameter is %s, the values are %s".formatted(shape(), values.shape()));
    }
    data().backend().copy(values, data());
  }
}
