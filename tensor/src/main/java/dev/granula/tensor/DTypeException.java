package dev.granula.tensor;

/** An element type that the operation does not take. */
public final class DTypeException extends GranulaException {
  private static final long serialVersionUID = 1L;

  public DTypeException(String message) {
    super(message);
  }
}
