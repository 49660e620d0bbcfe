package dev.granula.models;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The model families by {@code model_type}; a new one is a class and its line here. */
final class Families {
  private static final Map<String, Family> BY_TYPE =
      new TreeMap<>(Map.of("llama", new LlamaFamily(), "qwen2", new Qwen2Family()));

  private Families() {}

  static Optional<Family> named(String modelType) {
    return Optional.ofNullable(BY_TYPE.get(modelType));
  }

  /** What the family cannot do of {@code config}, or that there is no such family. */
  static List<String> problems(ModelConfig config) {
    List<String> problems = new ArrayList<>();
    named(config.modelType())
        .ifPresentOrElse(
            family -> family.check(config, problems),
            () -> problems.add(unknown(config.modelType())));
    return problems;
  }

  static String unknown(String modelType) {
    return "model_type: '%s' is not supported; supported: %s"
        .formatted(modelType, String.join(", ", BY_TYPE.keySet()));
  }
}
