package dev.granula.bench.work;

import dev.granula.models.ModelConfig;

/** Qwen2's architecture in the two sizes that are measured. */
enum ModelShape {
  HIDDEN512(512, 1376, 8, 8, 8192, 4),
  /** Qwen2.5-0.5B. */
  QWEN_HALF_B(896, 4864, 24, 14, 151936, 1);

  /** Tokens per sequence of a step. */
  static final int LENGTH = 256;

  private static final int CONTEXT = 1024;

  private final int hidden;
  private final int intermediate;
  private final int layers;
  private final int heads;
  private final int vocabulary;
  private final int batch;

  ModelShape(int hidden, int intermediate, int layers, int heads, int vocabulary, int batch) {
    this.hidden = hidden;
    this.intermediate = intermediate;
    this.layers = layers;
    this.heads = heads;
    this.vocabulary = vocabulary;
    this.batch = batch;
  }

  static ModelShape of(String name) {
    return switch (name) {
      case "hidden512" -> HIDDEN512;
      case "qwen0.5b" -> QWEN_HALF_B;
      default -> throw new IllegalArgumentException("shape must be hidden512 or qwen0.5b: " + name);
    };
  }

  /** Sequences of a step. */
  int batch() {
    return batch;
  }

  ModelConfig config() {
    return config(layers);
  }

  ModelConfig config(int layerCount) {
    return ModelConfig.builder("qwen2")
        .vocabularySize(vocabulary)
        .hiddenSize(hidden)
        .intermediateSize(intermediate)
        .layers(layerCount)
        .heads(heads)
        .keyValueHeads(2)
        .contextLength(CONTEXT)
        .tiedEmbeddings(true)
        .build();
  }
}
