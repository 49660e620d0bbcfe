package dev.granula.tensor;

/** A tensor whose memory went back to the pool when its step was closed. */
public final class ReleasedTensorException extends GranulaException {
  private static final long serialVersionUID = 1L;

  public ReleasedTensorException(String message) {
    super(message);
  }
}
