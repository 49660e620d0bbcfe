package dev.granula.training;

import dev.granula.models.CausalLm;
import dev.granula.models.Models;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.UUID;
import java.util.stream.Stream;

/** Folders that results are written to. */
public final class ModelDirectory {
  private ModelDirectory() {}

  /**
   * Refuses to write where something is already.
   *
   * @param doing what the folder is for, to begin the message
   * @throws TrainingException if {@code directory} is a file or a folder that is not empty
   */
  public static void requireEmptyOrMissing(String doing, Path directory) {
    if (!isEmptyOrMissing(directory)) {
      throw new TrainingException(
          "%s: the output must be a new or an empty folder: %s; name another or empty it"
              .formatted(doing, directory));
    }
  }

  private static boolean isEmptyOrMissing(Path directory) {
    if (!Files.isDirectory(directory)) {
      return Files.notExists(directory);
    }
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.findAny().isEmpty();
    } catch (IOException e) {
      throw new UncheckedIOException("read " + directory, e);
    }
  }

  /**
   * Writes {@code model} with its tokenizer and other files to a folder that appears whole or not
   * at all: it is written beside and renamed.
   *
   * @throws TrainingException if {@code directory} is a file or a folder that is not empty
   */
  public static void create(Path directory, CausalLm model, Models.SavedType type) {
    requireEmptyOrMissing("write model", directory);
    Path target = directory.toAbsolutePath().normalize();
    // Not createTempDirectory, whose folders are closed to other users.
    String name = ".%s.%s.tmp".formatted(target.getFileName(), UUID.randomUUID());
    Path temporary = target.resolveSibling(name);
    try {
      try {
        Files.createDirectories(temporary);
        Models.save(model, temporary, type);
        Files.deleteIfExists(target);
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        deleteTree(temporary);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("write model to " + directory + ": " + e.getMessage(), e);
    }
  }

  private static void deleteTree(Path directory) throws IOException {
    if (Files.exists(directory)) {
      try (Stream<Path> entries = Files.walk(directory)) {
        for (Path path : entries.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }
}
