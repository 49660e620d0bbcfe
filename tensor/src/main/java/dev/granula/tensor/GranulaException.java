package dev.granula.tensor;

/**
 * Base of all failures that Granula reports. The message says what was being done, the rule that
 * was broken, the values found and, where known, the remedy.
 */
public class GranulaException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public GranulaException(String message) {
    super(message);
  }

  public GranulaException(String message, Throwable cause) {
    super(message, cause);
  }
}
