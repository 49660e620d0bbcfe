package dev.granula.models;

import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Qwen2 and Qwen2.5: biases on q, k and v only; sliding windows are not supported. */
final class Qwen2Family implements Family {
  private static final String FULL_ATTENTION = "full_attention";

  @Override
  public String architecture() {
    return "Qwen2ForCausalLM";
  }

  @Override
  public void defaults(ModelConfig.Builder builder) {
    builder.queryKeyValueBias(true).contextLength(32_768);
  }

  @Override
  public void read(ConfigFields fields, ModelConfig.Builder builder) {
    if (fields.bool("use_sliding_window", false)) {
      fields.problem("use_sliding_window", "true is not supported; every layer sees all positions");
    }
    for (JsonNode type : fields.list("layer_types")) {
      if (!type.asString().equals(FULL_ATTENTION)) {
        fields.problem(
            "layer_types", "%s is not supported; only full_attention is".formatted(type));
      }
    }
  }

  @Override
  public void check(ModelConfig config, List<String> problems) {
    if (!config.queryKeyValueBias() || config.attentionOutputBias() || config.mlpBias()) {
      problems.add("bias: qwen2 has biases on q, k and v and nowhere else");
    }
  }

  @Override
  public void write(ModelConfig config, ObjectNode json) {
    json.put("use_sliding_window", false);
  }
}
