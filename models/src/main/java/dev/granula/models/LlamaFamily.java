package dev.granula.models;

import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** Llama 2 and 3: one flag for the biases of all four attention projections, one for the MLP. */
final class LlamaFamily implements Family {
  @Override
  public String architecture() {
    return "LlamaForCausalLM";
  }

  @Override
  public void defaults(ModelConfig.Builder builder) {}

  @Override
  public void read(ConfigFields fields, ModelConfig.Builder builder) {
    boolean attentionBias = fields.bool("attention_bias", false);
    builder.queryKeyValueBias(attentionBias).attentionOutputBias(attentionBias);
    builder.mlpBias(fields.bool("mlp_bias", false));
  }

  @Override
  public void check(ModelConfig config, List<String> problems) {
    if (config.queryKeyValueBias() != config.attentionOutputBias()) {
      problems.add("attention_bias: llama has a bias in q, k, v and o or in none of them");
    }
  }

  @Override
  public void write(ModelConfig config, ObjectNode json) {
    json.put("attention_bias", config.queryKeyValueBias()).put("mlp_bias", config.mlpBias());
  }
}
