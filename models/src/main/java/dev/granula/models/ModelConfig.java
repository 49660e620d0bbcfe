package dev.granula.models;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * The shape of a decoder of the Llama kind: RMS norms before each part, rotary positions, grouped
 * queries, a gated MLP. Names in comments are those of {@code config.json}.
 *
 * @param modelType {@code model_type}, the family
 * @param layers {@code num_hidden_layers}
 * @param heads {@code num_attention_heads}
 * @param keyValueHeads {@code num_key_value_heads}, a divisor of heads
 * @param contextLength {@code max_position_embeddings}
 * @param queryKeyValueBias whether q_proj, k_proj and v_proj have a bias
 * @param attentionOutputBias whether o_proj has one
 * @param mlpBias whether gate_proj, up_proj and down_proj have one
 * @param tiedEmbeddings {@code tie_word_embeddings}: the output head is the embedding
 * @param initializerRange standard deviation of random weights
 * @param eosTokenIds tokens that end a text, from {@code generation_config.json} if it names any
 */
public record ModelConfig(
    String modelType,
    int vocabularySize,
    int hiddenSize,
    int intermediateSize,
    int layers,
    int heads,
    int keyValueHeads,
    int headDim,
    double rmsNormEps,
    int contextLength,
    RopeConfig rope,
    boolean queryKeyValueBias,
    boolean attentionOutputBias,
    boolean mlpBias,
    boolean tiedEmbeddings,
    double initializerRange,
    OptionalInt bosTokenId,
    List<Integer> eosTokenIds,
    OptionalInt padTokenId) {

  public ModelConfig {
    eosTokenIds = List.copyOf(eosTokenIds);
  }

  /**
   * Reads {@code config.json} in the forms of transformers 4 and 5, and the special tokens of
   * {@code generation_config.json}.
   *
   * @throws ModelFormatException naming everything that is wrong or not supported
   */
  public static ModelConfig read(Path directory) {
    return ConfigReader.read(directory);
  }

  /**
   * Sizes to be chosen by the caller, with the family's defaults for the rest.
   *
   * @param modelType {@code llama} or {@code qwen2}
   */
  public static Builder builder(String modelType) {
    return new Builder(modelType);
  }

  /** Width of all query heads together. */
  public long queryWidth() {
    return (long) heads * headDim;
  }

  /** Width of all key (or value) heads together. */
  public long keyValueWidth() {
    return (long) keyValueHeads * headDim;
  }

  /** What is wrong with the values, by their names in {@code config.json}. */
  List<String> problems() {
    List<String> problems = new ArrayList<>();
    atLeastOne(problems, "vocab_size", vocabularySize);
    atLeastOne(problems, "hidden_size", hiddenSize);
    atLeastOne(problems, "intermediate_size", intermediateSize);
    atLeastOne(problems, "num_hidden_layers", layers);
    atLeastOne(problems, "num_attention_heads", heads);
    atLeastOne(problems, "num_key_value_heads", keyValueHeads);
    atLeastOne(problems, "max_position_embeddings", contextLength);
    if (heads > 0 && keyValueHeads > 0 && heads % keyValueHeads != 0) {
      problems.add(
          "num_attention_heads: must be a multiple of num_key_value_heads, found %d and %d"
              .formatted(heads, keyValueHeads));
    }
    if (headDim < 2 || headDim % 2 != 0) {
      problems.add(
          "head_dim: must be even and positive, found %d (hidden_size %d, %d heads)"
              .formatted(headDim, hiddenSize, heads));
    }
    if (!(rmsNormEps > 0)) {
      problems.add("rms_norm_eps: must be positive, found " + rmsNormEps);
    }
    if (!(initializerRange >= 0)) {
      problems.add("initializer_range: must not be negative, found " + initializerRange);
    }
    for (int id : eosTokenIds) {
      if (id < 0 || id >= vocabularySize) {
        problems.add(
            "eos_token_id: %d is outside the vocabulary of %d".formatted(id, vocabularySize));
      }
    }
    rope.check(problems);
    return problems;
  }

  private static void atLeastOne(List<String> problems, String name, int value) {
    if (value < 1) {
      problems.add("%s: must be at least 1, found %d".formatted(name, value));
    }
  }

  /** Collects the values; {@link #build} checks all of them. */
  public static final class Builder {
    final String modelType;
    int vocabularySize;
    int hiddenSize;
    int intermediateSize;
    int layers;
    int heads;
    @Nullable Integer keyValueHeads;
    @Nullable Integer headDim;
    double rmsNormEps = 1e-6;
    int contextLength = 2048;
    RopeConfig rope = new RopeConfig.Plain(10_000);
    boolean queryKeyValueBias;
    boolean attentionOutputBias;
    boolean mlpBias;
    boolean tiedEmbeddings;
    double initializerRange = 0.02;
    OptionalInt bosTokenId = OptionalInt.empty();
    List<Integer> eosTokenIds = List.of();
    OptionalInt padTokenId = OptionalInt.empty();

    private Builder(String modelType) {
      this.modelType = modelType;
      Families.named(modelType).ifPresent(family -> family.defaults(this));
    }

    public Builder vocabularySize(int value) {
      vocabularySize = value;
      return this;
    }

    public Builder hiddenSize(int value) {
      hiddenSize = value;
      return this;
    }

    public Builder intermediateSize(int value) {
      intermediateSize = value;
      return this;
    }

    public Builder layers(int value) {
      layers = value;
      return this;
    }

    /** Query heads; by default there are as many key/value heads. */
    public Builder heads(int value) {
      heads = value;
      return this;
    }

    public Builder keyValueHeads(int value) {
      keyValueHeads = value;
      return this;
    }

    /** By default hidden size / heads. */
    public Builder headDim(int value) {
      headDim = value;
      return this;
    }

    public Builder rmsNormEps(double value) {
      rmsNormEps = value;
      return this;
    }

    public Builder contextLength(int value) {
      contextLength = value;
      return this;
    }

    public Builder rope(RopeConfig value) {
      rope = value;
      return this;
    }

    public Builder queryKeyValueBias(boolean value) {
      queryKeyValueBias = value;
      return this;
    }

    public Builder attentionOutputBias(boolean value) {
      attentionOutputBias = value;
      return this;
    }

    public Builder mlpBias(boolean value) {
      mlpBias = value;
      return this;
    }

    public Builder tiedEmbeddings(boolean value) {
      tiedEmbeddings = value;
      return this;
    }

    public Builder initializerRange(double value) {
      initializerRange = value;
      return this;
    }

    public Builder bosTokenId(int value) {
      bosTokenId = OptionalInt.of(value);
      return this;
    }

    public Builder eosTokenIds(List<Integer> value) {
      eosTokenIds = value;
      return this;
    }

    public Builder padTokenId(int value) {
      padTokenId = OptionalInt.of(value);
      return this;
    }

    /**
     * The checked configuration.
     *
     * @throws ModelFormatException naming every value that is wrong
     */
    public ModelConfig build() {
      ModelConfig config = unchecked();
      List<String> problems = config.problems();
      problems.addAll(Families.problems(config));
      if (!problems.isEmpty()) {
        throw new ModelFormatException("model config", problems);
      }
      return config;
    }

    ModelConfig unchecked() {
      return new ModelConfig(
          modelType,
          vocabularySize,
          hiddenSize,
          intermediateSize,
          layers,
          heads,
          keyValueHeads == null ? heads : keyValueHeads,
          headDim == null ? hiddenSize / Math.max(1, heads) : headDim,
          rmsNormEps,
          contextLength,
          rope,
          queryKeyValueBias,
          attentionOutputBias,
          mlpBias,
          tiedEmbeddings,
          initializerRange,
          bosTokenId,
          eosTokenIds,
          padTokenId);
    }
  }
}
