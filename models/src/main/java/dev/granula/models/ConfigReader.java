package dev.granula.models;

import dev.granula.tensor.internal.io.JsonFormatException;
import dev.granula.tensor.internal.io.StrictJson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads {@code config.json} and {@code generation_config.json}; notes all problems of both. */
final class ConfigReader {
  static final String CONFIG = "config.json";
  static final String GENERATION_CONFIG = "generation_config.json";

  private static final long MAX_BYTES = 16L << 20;
  private static final double DEFAULT_THETA = 10_000;
  private static final Set<String> ROPE_FIELDS =
      Set.of(
          "rope_type",
          "type",
          "rope_theta",
          "factor",
          "low_freq_factor",
          "high_freq_factor",
          "original_max_position_embeddings");

  private final Path directory;
  private final List<String> problems = new ArrayList<>();

  private ConfigReader(Path directory) {
    this.directory = directory;
  }

  static ModelConfig read(Path directory) {
    ConfigReader reader = new ConfigReader(directory);
    ModelConfig config = reader.read();
    if (config == null || !reader.problems.isEmpty()) {
      throw new ModelFormatException("load model " + directory, reader.problems);
    }
    return config;
  }

  private @Nullable ModelConfig read() {
    ConfigFields fields = open(CONFIG);
    if (fields == null) {
      if (problems.isEmpty()) {
        problems.add(CONFIG + ": does not exist; a Hugging Face model directory has one");
      }
      return null;
    }
    String modelType = fields.text("model_type");
    Family family = modelType == null ? null : Families.named(modelType).orElse(null);
    if (modelType == null || family == null) {
      problems.add(
          "%s: %s".formatted(CONFIG, Families.unknown(modelType == null ? "" : modelType)));
      return null;
    }
    ModelConfig.Builder builder = ModelConfig.builder(modelType);
    readSizes(fields, builder);
    builder.rope(readRope(fields));
    family.read(fields, builder);
    refuseUnsupported(fields);
    readTokens(fields, builder);
    ConfigFields generation = open(GENERATION_CONFIG);
    if (generation != null) {
      readTokens(generation, builder);
    }
    ModelConfig config = builder.unchecked();
    config.problems().forEach(problem -> problems.add("%s: %s".formatted(CONFIG, problem)));
    return config;
  }

  private @Nullable ConfigFields open(String name) {
    Path file = directory.resolve(name);
    if (!Files.exists(file)) {
      return null;
    }
    try {
      return new ConfigFields(name, StrictJson.read(file, MAX_BYTES), problems);
    } catch (JsonFormatException e) {
      problems.add("%s: byte %d: %s".formatted(name, e.byteOffset(), e.getMessage()));
      return null;
    } catch (IOException e) {
      throw new UncheckedIOException("load model: cannot read " + file, e);
    }
  }

  private static void readSizes(ConfigFields fields, ModelConfig.Builder builder) {
    builder
        .vocabularySize(fields.requiredInt("vocab_size"))
        .hiddenSize(fields.requiredInt("hidden_size"))
        .intermediateSize(fields.requiredInt("intermediate_size"))
        .layers(fields.requiredInt("num_hidden_layers"))
        .heads(fields.requiredInt("num_attention_heads"));
    builder
        .keyValueHeads(fields.integer("num_key_value_heads", builder.heads))
        .headDim(fields.integer("head_dim", builder.hiddenSize / Math.max(1, builder.heads)))
        .rmsNormEps(fields.number("rms_norm_eps", builder.rmsNormEps))
        .contextLength(fields.integer("max_position_embeddings", builder.contextLength))
        .tiedEmbeddings(fields.bool("tie_word_embeddings", false))
        .initializerRange(fields.number("initializer_range", builder.initializerRange));
  }

  /**
   * transformers 5 has {@code rope_parameters} with everything, transformers 4 {@code rope_theta}
   * and, for scaling only, {@code rope_scaling}.
   */
  private static RopeConfig readRope(ConfigFields fields) {
    double theta = fields.number("rope_theta", DEFAULT_THETA);
    ConfigFields parameters = fields.object("rope_parameters");
    ConfigFields scaling = fields.object("rope_scaling");
    if (parameters != null && scaling != null) {
      fields.problem("rope_scaling", "stands beside rope_parameters; only one may be given");
    }
    ConfigFields rope = parameters != null ? parameters : scaling;
    if (rope == null) {
      return new RopeConfig.Plain(theta);
    }
    theta = rope.number("rope_theta", theta);
    for (String name : rope.names()) {
      if (!ROPE_FIELDS.contains(name)) {
        rope.problem(name, "is not supported");
      }
    }
    String type = rope.text("rope_type");
    if (type == null) {
      type = rope.text("type");
    }
    return switch (type) {
      case null -> {
        rope.problem("rope_type", "is missing");
        yield new RopeConfig.Plain(theta);
      }
      case "default" -> new RopeConfig.Plain(theta);
      case "llama3" ->
          new RopeConfig.Llama3(
              theta,
              rope.requiredNumber("factor", 1),
              rope.requiredNumber("low_freq_factor", 1),
              rope.requiredNumber("high_freq_factor", 2),
              rope.requiredInt("original_max_position_embeddings"));
      default -> {
        rope.problem(
            "rope_type", "'%s' is not supported; supported: default, llama3".formatted(type));
        yield new RopeConfig.Plain(theta);
      }
    };
  }

  private static void refuseUnsupported(ConfigFields fields) {
    String activation = fields.text("hidden_act");
    if (activation != null && !activation.equals("silu")) {
      fields.problem("hidden_act", "'%s' is not supported; supported: silu".formatted(activation));
    }
    if (fields.number("attention_dropout", 0) != 0) {
      fields.problem("attention_dropout", "is not supported; set it to 0");
    }
    if (fields.number("partial_rotary_factor", 1) != 1) {
      fields.problem("partial_rotary_factor", "is not supported; it must be 1");
    }
    if (fields.node("quantization_config") != null) {
      fields.problem("quantization_config", "quantized weights are not supported");
    }
  }

  private static void readTokens(ConfigFields fields, ModelConfig.Builder builder) {
    fields.tokenId("bos_token_id").ifPresent(builder::bosTokenId);
    fields.tokenId("pad_token_id").ifPresent(builder::padTokenId);
    List<Integer> ends = fields.tokenIds("eos_token_id");
    if (!ends.isEmpty()) {
      builder.eosTokenIds(ends);
    }
  }
}
