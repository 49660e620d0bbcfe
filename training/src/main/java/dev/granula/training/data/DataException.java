package dev.granula.training.data;

import dev.granula.tensor.GranulaException;
import java.util.List;

/** A data set that cannot be used; lists every problem found, the first of them in the message. */
public final class DataException extends GranulaException {
  private static final long serialVersionUID = 1L;
  private static final int SHOWN = 20;

  private final transient List<String> problems;

  public DataException(String doing, List<String> problems) {
    super(doing + ": " + shown(problems));
    this.problems = List.copyOf(problems);
  }

  public List<String> problems() {
    return problems;
  }

  private static String shown(List<String> problems) {
    int hidden = problems.size() - SHOWN;
    return String.join("; ", problems.subList(0, Math.min(SHOWN, problems.size())))
        + (hidden > 0 ? "; and %d more".formatted(hidden) : "");
  }

  static void throwIfAny(String doing, List<String> problems) {
    if (!problems.isEmpty()) {
      throw new DataException(doing, problems);
    }
  }
}
