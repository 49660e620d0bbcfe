package dev.granula.models;

import dev.granula.autograd.Autograd;
import dev.granula.autograd.Variable;
import dev.granula.nn.Module;
import dev.granula.nn.RmsNorm;

/** Attention and MLP, each behind a norm and added to what it read. */
final class DecoderLayer extends Module {
  private final SelfAttention attention;
  private final GatedMlp mlp;
  private final RmsNorm attentionNorm;
  private final RmsNorm mlpNorm;

  DecoderLayer(ModelConfig config, int layer, Weights weights) {
    attention = register("self_attn", new SelfAttention(config, layer, weights.in("self_attn")));
    mlp = register("mlp", new GatedMlp(weights.in("mlp")));
    attentionNorm =
        register(
            "input_layernorm",
            new RmsNorm(weights.get("input_layernorm.weight"), config.rmsNormEps()));
    mlpNorm =
        register(
            "post_attention_layernorm",
            new RmsNorm(weights.get("post_attention_layernorm.weight"), config.rmsNormEps()));
  }

  /** {@code x} [B, T, hidden]. What no backward pass needs is freed at the end of the call. */
  Variable forward(Variable x, Sequences sequences) {
    return Autograd.scratch(
        x.device(),
        () -> {
          Variable attended = x.add(attention.forward(attentionNorm.forward(x), sequences));
          return attended.add(mlp.forward(mlpNorm.forward(attended)));
        });
  }
}
