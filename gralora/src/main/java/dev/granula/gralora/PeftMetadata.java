package dev.granula.gralora;

import org.jspecify.annotations.Nullable;

/**
 * What an {@code adapter_config.json} says about its base model.
 *
 * @param taskType PEFT's {@code task_type}, for example {@code CAUSAL_LM}
 * @param baseModel {@code base_model_name_or_path}
 * @param revision of the base model
 */
public record PeftMetadata(
    @Nullable String taskType, @Nullable String baseModel, @Nullable String revision) {
  public static PeftMetadata causalLm(String baseModel) {
    return new PeftMetadata("CAUSAL_LM", baseModel, null);
  }
}
