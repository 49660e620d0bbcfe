package dev.granula.autograd.op;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The gradient of one variable while it is being collected, F64 for F64 data and F32 for all other.
 * A gradient that was passed on unchanged may be shared with other variables; it is copied before
 * the first addition. A slot of a parameter keeps one persistent buffer from step to step.
 */
public final class GradientSlot {
  private static final Expression IDENTITY = Expression.input(0);

  private final Tensor data;
  private final boolean keepsBuffer;
  private @Nullable Tensor gradient;
  private @Nullable Tensor buffer;

  /**
   * A slot for the gradient of a variable that holds {@code data}; with {@code keepsBuffer} it
   * collects in persistent memory of its own.
   */
  public GradientSlot(Tensor data, boolean keepsBuffer) {
    this.data = data;
    this.keepsBuffer = keepsBuffer;
  }

  Shape shape() {
    return data.shape();
  }

  DType dtype() {
    return data.dtype() == DType.F64 ? DType.F64 : DType.F32;
  }

  Device device() {
    return data.device();
  }

  Tensor empty(Shape shape) {
    return Tensor.empty(data.device(), dtype(), shape);
  }

  public boolean isFilled() {
    return gradient != null;
  }

  public @Nullable Tensor gradient() {
    return gradient;
  }

  /** A row-major buffer that nobody else reads, holding the sum so far if there is one. */
  public Tensor writable() {
    Tensor shared = gradient;
    if (shared == null) {
      return fresh();
    }
    if (shared == buffer || (shared.storage().isExclusive() && shared.isContiguous())) {
      return shared;
    }
    Tensor own = fresh();
    data.backend().copy(shared, own);
    shared.storage().release();
    return own;
  }

  private Tensor fresh() {
    Tensor made = keepsBuffer ? persistent() : released();
    gradient = made;
    return made;
  }

  private Tensor persistent() {
    if (buffer == null) {
      buffer = Tensor.emptyPersistent(data.device(), dtype(), data.shape());
    }
    return buffer;
  }

  /** Step memory that this slot alone holds, so that it is reused as soon as the slot is clear. */
  private Tensor released() {
    Tensor made = empty(data.shape());
    made.storage().retain();
    made.storage().releaseFromScope();
    return made;
  }

  /** Adds a gradient that stays somebody else's. */
  public void add(Tensor contribution) {
    if (gradient == null && !keepsBuffer) {
      contribution.storage().retain();
      gradient = contribution;
      return;
    }
    Write write = gradient == null ? Write.SET : Write.ADD;
    Tensor target = writable();
    data.backend().evaluate(IDENTITY, List.of(contribution), new double[0], target, write);
  }

  /** Puts {@code replacement}, which may be a view of it, in place of the collected gradient. */
  public void replace(Tensor replacement) {
    replacement.storage().retain();
    clear();
    add(replacement);
    replacement.storage().release();
  }

  /** Forgets the gradient. */
  public void clear() {
    if (gradient != null && gradient != buffer) {
      gradient.storage().release();
    }
    gradient = null;
  }
}
