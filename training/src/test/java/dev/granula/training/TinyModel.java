package dev.granula.training;

import dev.granula.models.ModelConfig;
import dev.granula.models.Models;
import dev.granula.tensor.cpu.Cpu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A random model of about 60 thousand parameters with the tokenizer of a golden. */
final class TinyModel {
  static final int CONTEXT = 64;
  private static final Path TOKENIZER =
      Path.of("../models/src/test/resources/goldens/tokenizer/llama3");
  private static final int VOCABULARY = 722;
  private static final int END = 705;

  private TinyModel() {}

  /** Writes the model directory {@code parent/base}. */
  static Path write(Path parent) throws IOException {
    ModelConfig config =
        ModelConfig.builder("llama")
            .vocabularySize(VOCABULARY)
            .hiddenSize(32)
            .intermediateSize(48)
            .layers(2)
            .heads(4)
            .keyValueHeads(2)
            .contextLength(CONTEXT)
            .initializerRange(0.1)
            .eosTokenIds(List.of(END))
            .build();
    Path directory = parent.resolve("base");
    Models.save(Models.create(config, 7, Cpu.device()), directory, Models.SavedType.F32);
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.copy(TOKENIZER.resolve(file), directory.resolve(file));
    }
    return directory;
  }

  static LanguageModel load(Path directory) {
    return LanguageModel.load(directory, Cpu.device());
  }
}
