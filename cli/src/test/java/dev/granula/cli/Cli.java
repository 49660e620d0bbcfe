package dev.granula.cli;

import dev.granula.models.ModelConfig;
import dev.granula.models.Models;
import dev.granula.tensor.cpu.Cpu;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The command in this JVM: what it prints and how it ends. */
record Cli(int exitCode, String out, String err) {
  private static final Path TOKENIZER =
      Path.of("../models/src/test/resources/goldens/tokenizer/llama3");

  static Cli run(Object... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    String[] texts = List.of(args).stream().map(String::valueOf).toArray(String[]::new);
    int exitCode =
        Main.run(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            texts);
    return new Cli(
        exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** The one line that a failure prints. */
  String failure() {
    return err.lines().filter(line -> line.startsWith("granula: ")).findFirst().orElse("");
  }

  /** Writes the directory of a random model with the tokenizer of a golden. */
  static Path writeModel(Path directory) throws IOException {
    ModelConfig config =
        ModelConfig.builder("llama")
            .vocabularySize(722)
            .hiddenSize(32)
            .intermediateSize(48)
            .layers(2)
            .heads(4)
            .keyValueHeads(2)
            .contextLength(64)
            .initializerRange(0.1)
            .build();
    Models.save(Models.create(config, 7, Cpu.device()), directory, Models.SavedType.F32);
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.copy(TOKENIZER.resolve(file), directory.resolve(file));
    }
    return directory;
  }

  /** Writes a data set of three lines. */
  static Path writeData(Path file) throws IOException {
    return Files.writeString(
        file,
        """
        {"prompt": "one and one", "completion": " two"}
        {"prompt": "two and one is", "completion": " three"}
        {"text": "one two three"}
        """);
  }
}
