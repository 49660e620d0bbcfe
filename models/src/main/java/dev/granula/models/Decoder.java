package dev.granula.models;

import dev.granula.autograd.Autograd;
import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.nn.Embedding;
import dev.granula.nn.Module;
import dev.granula.nn.RmsNorm;
import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Embedding, layers and the last norm: what checkpoints have under {@code model}. */
final class Decoder extends Module {
  private final Embedding embedding;
  private final List<DecoderLayer> layers = new ArrayList<>();
  private final RmsNorm norm;

  Decoder(ModelConfig config, Weights weights) {
    embedding = register("embed_tokens", new Embedding(weights.get("embed_tokens.weight")));
    for (int i = 0; i < config.layers(); i++) {
      layers.add(new DecoderLayer(config, i, weights.in("layers." + i)));
    }
    register("layers", new Numbered(layers));
    norm = register("norm", new RmsNorm(weights.get("norm.weight"), config.rmsNormEps()));
  }

  /** Modules under the names 0, 1, 2 and so on. */
  private static final class Numbered extends Module {
    Numbered(List<? extends Module> modules) {
      for (int i = 0; i < modules.size(); i++) {
        register(String.valueOf(i), modules.get(i));
      }
    }
  }

  Embedding embedding() {
    return embedding;
  }

  /**
   * {@code ids} I32 [B, T]; the result is [B, T, hidden].
   *
   * @param checkpointed null, or the numbers to wind back where layers are run again for the
   *     backward pass instead of keeping what it needs
   */
  Variable forward(Tensor ids, Sequences sequences, @Nullable RandomStream checkpointed) {
    Variable x = embedding.forward(ids);
    for (DecoderLayer layer : layers) {
      x =
          checkpointed == null
              ? layer.forward(x, sequences)
              : Autograd.checkpoint(h -> layer.forward(h, sequences), checkpointed, x);
    }
    return norm.forward(x);
  }
}
