package dev.granula.models;

import dev.granula.tensor.DType;
import dev.granula.tensor.internal.io.JsonFormatException;
import dev.granula.tensor.internal.io.StrictJson;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The text of {@code config.json}. */
final class ConfigWriter {
  private static final long MAX_BYTES = 16L << 20;
  private static final JsonMapper JSON = new JsonMapper();

  private ConfigWriter() {}

  /**
   * What stood in the folder {@code origin} with another dtype, so that fields nobody here knows
   * survive; or, for a new model, the form that transformers 4 and 5 both read.
   */
  static String text(ModelConfig config, @Nullable Path origin, DType dtype) throws IOException {
    ObjectNode json = origin == null ? fresh(config) : read(origin.resolve(ConfigReader.CONFIG));
    json.put(json.has("dtype") ? "dtype" : "torch_dtype", torchName(dtype));
    DefaultPrettyPrinter printer =
        new DefaultPrettyPrinter().withObjectIndenter(new DefaultIndenter("  ", "\n"));
    return JSON.writer().with(printer).writeValueAsString(json) + "\n";
  }

  private static ObjectNode read(Path file) throws IOException {
    try {
      return (ObjectNode) StrictJson.read(file, MAX_BYTES);
    } catch (JsonFormatException e) {
      throw new IOException(
          "%s changed since it was loaded: %s".formatted(file, e.getMessage()), e);
    }
  }

  private static ObjectNode fresh(ModelConfig config) {
    Family family = Families.named(config.modelType()).orElseThrow();
    ObjectNode json = JSON.createObjectNode();
    json.putArray("architectures").add(family.architecture());
    json.put("model_type", config.modelType())
        .put("vocab_size", config.vocabularySize())
        .put("hidden_size", config.hiddenSize())
        .put("intermediate_size", config.intermediateSize())
        .put("num_hidden_layers", config.layers())
        .put("num_attention_heads", config.heads())
        .put("num_key_value_heads", config.keyValueHeads())
        .put("head_dim", config.headDim())
        .put("hidden_act", "silu")
        .put("rms_norm_eps", config.rmsNormEps())
        .put("max_position_embeddings", config.contextLength())
        .put("tie_word_embeddings", config.tiedEmbeddings())
        .put("initializer_range", config.initializerRange())
        .put("attention_dropout", 0.0);
    family.write(config, json);
    writeRope(config.rope(), json);
    writeTokens(config, json);
    return json;
  }

  private static void writeRope(RopeConfig rope, ObjectNode json) {
    json.put("rope_theta", rope.theta());
    switch (rope) {
      case RopeConfig.Plain _ -> json.putNull("rope_scaling");
      case RopeConfig.Llama3 llama3 ->
          json.putObject("rope_scaling")
              .put("rope_type", "llama3")
              .put("factor", llama3.factor())
              .put("low_freq_factor", llama3.lowFactor())
              .put("high_freq_factor", llama3.highFactor())
              .put("original_max_position_embeddings", llama3.originalContext());
    }
  }

  private static void writeTokens(ModelConfig config, ObjectNode json) {
    config.bosTokenId().ifPresent(id -> json.put("bos_token_id", id));
    config.padTokenId().ifPresent(id -> json.put("pad_token_id", id));
    List<Integer> ends = config.eosTokenIds();
    if (ends.size() == 1) {
      json.put("eos_token_id", ends.getFirst());
    } else if (!ends.isEmpty()) {
      var list = json.putArray("eos_token_id");
      ends.forEach(list::add);
    }
  }

  private static String torchName(DType dtype) {
    return switch (dtype) {
      case F32 -> "float32";
      case BF16 -> "bfloat16";
      case F16 -> "float16";
      case F64, I32, I64 -> dtype.name().toLowerCase(Locale.ROOT);
    };
  }
}
