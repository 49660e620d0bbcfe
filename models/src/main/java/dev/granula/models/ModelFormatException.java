package dev.granula.models;

import dev.granula.tensor.GranulaException;
import java.util.List;

/**
 * A model directory or configuration that cannot be used. All its problems are reported together.
 */
public final class ModelFormatException extends GranulaException {
  private static final long serialVersionUID = 1L;
  private static final int SHOWN = 20;

  private final transient List<String> problems;

  /**
   * @param operation what was being done, and with which directory
   * @param problems what is wrong, each as {@code file: field or tensor: rule, value found}
   */
  public ModelFormatException(String operation, List<String> problems) {
    super(message(operation, problems));
    this.problems = List.copyOf(problems);
  }

  /** Every problem found. */
  public List<String> problems() {
    return problems;
  }

  private static String message(String operation, List<String> problems) {
    int hidden = problems.size() - SHOWN;
    return operation
        + ": "
        + String.join("; ", problems.subList(0, Math.min(SHOWN, problems.size())))
        + (hidden > 0 ? "; and %d more".formatted(hidden) : "");
  }
}
