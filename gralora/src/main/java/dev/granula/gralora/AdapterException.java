package dev.granula.gralora;

import dev.granula.tensor.GranulaException;
import java.util.List;

/** A configuration, target or file that does not fit; lists every problem found. */
public final class AdapterException extends GranulaException {
  private static final long serialVersionUID = 1L;
  private final List<String> problems;

  public AdapterException(String doing, List<String> problems) {
    super(doing + ": " + String.join("; ", problems));
    this.problems = List.copyOf(problems);
  }

  public AdapterException(String doing, String problem) {
    this(doing, List.of(problem));
  }

  public List<String> problems() {
    return problems;
  }

  static void throwIfAny(String doing, List<String> problems) {
    if (!problems.isEmpty()) {
      throw new AdapterException(doing, problems);
    }
  }
}
