package dev.granula.nn;

import dev.granula.tensor.GranulaException;

/**
 * The place of a child in its parent. What an adapter wraps is exchanged here, so that the parent
 * needs no knowledge of it.
 */
public final class Slot<T> {
  private final Class<T> type;
  private final boolean exchangeable;
  private T child;

  private Slot(Class<T> type, T child, boolean exchangeable) {
    this.type = type;
    this.child = child;
    this.exchangeable = exchangeable;
  }

  @SuppressWarnings("unchecked")
  static <M extends Module> Slot<M> fixed(M child) {
    return new Slot<>((Class<M>) child.getClass(), child, false);
  }

  static <T> Slot<T> exchangeable(Class<T> type, T child) {
    return new Slot<>(type, child, true);
  }

  public T get() {
    return child;
  }

  Module module() {
    return (Module) child;
  }

  /** Puts {@code replacement} in the place of the child. */
  public void set(Object replacement) {
    if (!exchangeable || !(replacement instanceof Module) || !type.isInstance(replacement)) {
      throw new GranulaException(
          "exchange: this place takes %s, not %s"
              .formatted(
                  exchangeable ? type.getSimpleName() : "nothing else",
                  replacement.getClass().getSimpleName()));
    }
    child = type.cast(replacement);
  }
}
