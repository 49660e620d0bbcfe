package dev.granula.autograd.op;

import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The gradient of one variable while it is being collected. A gradient that was passed on unchanged
 * may be shared with other variables; it is copied before the first addition. Leaves whose data is
 * persistent keep one persistent buffer from step to step.
 */
public final class GradientSlot {
  private static final Expression IDENTITY = Expression.input(0);

  private final Tensor data;
  private @Nullable Tensor gradient;
  private @Nullable Tensor persistent;
  private boolean filled;

  /** A slot for the gradient of a variable that holds {@code data}. */
  public GradientSlot(Tensor data) {
    this.data = data;
  }

  Shape shape() {
    return data.shape();
  }

  Device device() {
    return data.device();
  }

  Tensor empty(Shape shape) {
    return Tensor.empty(data.device(), data.dtype(), shape);
  }

  public boolean isFilled() {
    return filled;
  }

  public @Nullable Tensor gradient() {
    return filled ? gradient : null;
  }

  /** A row-major buffer that nobody else reads, holding the sum so far if there is one. */
  public Tensor writable() {
    Tensor current = gradient;
    if (!filled || current == null) {
      return hold(fresh());
    }
    if (current == persistent || (current.storage().isExclusive() && current.isContiguous())) {
      return current;
    }
    Tensor copy = fresh();
    data.backend().copy(current, copy);
    current.storage().release();
    return hold(copy);
  }

  private Tensor fresh() {
    if (!data.storage().isPersistent()) {
      Tensor made = Tensor.empty(data.device(), data.dtype(), data.shape());
      made.storage().retain();
      made.storage().releaseFromScope();
      return made;
    }
    if (persistent == null) {
      persistent = Tensor.emptyPersistent(data.device(), data.dtype(), data.shape());
    }
    return persistent;
  }

  private Tensor hold(Tensor tensor) {
    gradient = tensor;
    filled = true;
    return tensor;
  }

  /** Adds a gradient that stays somebody else's. */
  public void add(Tensor contribution) {
    if (!filled && !data.storage().isPersistent()) {
      contribution.storage().retain();
      hold(contribution);
      return;
    }
    Write write = filled ? Write.ADD : Write.SET;
    Tensor target = writable();
    data.backend().evaluate(IDENTITY, List.of(contribution), new double[0], target, write);
  }

  /** Puts {@code replacement} in place of the collected gradient. */
  public void replace(Tensor replacement) {
    clear();
    add(replacement);
  }

  /** Forgets the gradient. */
  public void clear() {
    if (gradient != null && gradient != persistent) {
      gradient.storage().release();
    }
    gradient = null;
    filled = false;
  }
}
