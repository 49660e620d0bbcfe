package dev.granula.tensor;

/**
 * Shapes that do not fit the operation, for example {@code matmul: inner dimensions differ: ...}.
 */
public final class ShapeException extends GranulaException {
  private static final long serialVersionUID = 1L;

  public ShapeException(String message) {
    super(message);
  }
}
