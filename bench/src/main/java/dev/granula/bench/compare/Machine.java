package dev.granula.bench.compare;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Where and of what a run was made. */
final class Machine {
  private static final Path PROCESSOR = Path.of("/proc/cpuinfo");
  private static final Path MEMORY = Path.of("/proc/meminfo");

  private Machine() {}

  static Map<String, String> describe(Path root) {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("processor", field(PROCESSOR, "model name").orElse(System.getProperty("os.arch")));
    facts.put("cores", String.valueOf(Runtime.getRuntime().availableProcessors()));
    facts.put("memory", field(MEMORY, "MemTotal").orElse("unknown"));
    facts.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    facts.put(
        "jdk",
        System.getProperty("java.vendor.version", System.getProperty("java.vendor"))
            + " "
            + System.getProperty("java.runtime.version"));
    facts.put("commit", commit(root));
    return facts;
  }

  private static Optional<String> field(Path file, String name) {
    if (!Files.isReadable(file)) {
      return Optional.empty();
    }
    try {
      return Files.readAllLines(file).stream()
          .filter(line -> line.startsWith(name))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** The commit, with a mark where files differ from it. */
  private static String commit(Path root) {
    List<String> git = List.of("git", "-C", root.toString());
    Optional<String> head = output(with(git, "rev-parse", "--short=12", "HEAD"));
    Optional<String> changes = output(with(git, "status", "--porcelain", "--untracked-files=no"));
    return head.orElse("unknown") + (changes.orElse("").isEmpty() ? "" : "+changes");
  }

  private static List<String> with(List<String> command, String... arguments) {
    return Stream.concat(command.stream(), List.of(arguments).stream()).toList();
  }

  /** The standard output of a command, or nothing if it fails or does not exist. */
  static Optional<String> output(List<String> command) {
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return process.waitFor() == 0 ? Optional.of(text.strip()) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }
}
