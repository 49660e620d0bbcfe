package dev.granula.training;

import dev.granula.tensor.GranulaException;

/** A run that cannot start or go on. */
public final class TrainingException extends GranulaException {
  private static final long serialVersionUID = 1L;

  public TrainingException(String message) {
    super(message);
  }

  public TrainingException(String message, Throwable cause) {
    super(message, cause);
  }
}
