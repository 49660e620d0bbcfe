package dev.granula.cli;

import dev.granula.training.TrainingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The files and folders that a command reads, looked for before any of them is opened. */
final class Inputs {
  private final String command;
  private final List<String> missing = new ArrayList<>();

  Inputs(String command) {
    this.command = command;
  }

  /** Adds the value of {@code option}, null if it was not given. */
  Inputs with(String option, @Nullable Path input) {
    if (input != null && Files.notExists(input)) {
      missing.add("%s %s is not there".formatted(option, input));
    }
    return this;
  }

  /**
   * @throws TrainingException naming every input that is not there
   */
  void require() {
    if (!missing.isEmpty()) {
      throw new TrainingException(
          "%s: the inputs must exist: %s".formatted(command, String.join("; ", missing)));
    }
  }
}
