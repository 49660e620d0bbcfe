package dev.granula.models.tokenizer;

import java.nio.file.Path;
import java.util.List;

/**
 * A tokenizer directory that cannot be read, or that asks for something Granula does not do. All
 * problems of the directory are reported together, each as {@code file: field: rule, value found}.
 */
public final class TokenizerFormatException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int SHOWN = 20;

  private final transient Path directory;
  private final transient List<String> problems;

  /**
   * @param directory the tokenizer's directory
   * @param problems what is wrong, one line each
   */
  public TokenizerFormatException(Path directory, List<String> problems) {
    super(message(directory, problems));
    this.directory = directory;
    this.problems = List.copyOf(problems);
  }

  /** The directory that was being read. */
  public Path directory() {
    return directory;
  }

  /** Every problem found. */
  public List<String> problems() {
    return problems;
  }

  private static String message(Path directory, List<String> problems) {
    int hidden = problems.size() - SHOWN;
    return "load tokenizer: "
        + directory
        + ": "
        + String.join("; ", problems.subList(0, Math.min(SHOWN, problems.size())))
        + (hidden > 0 ? "; and " + hidden + " more" : "");
  }
}
