package dev.granula.models;

import dev.granula.nn.Linear;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Tensors under the names of a checkpoint, seen from one module.
 *
 * @param path the module's path with a dot at its end, empty for the model itself
 */
record Weights(Map<String, Tensor> tensors, String path) {
  /** Every tensor of a model and its shape, in the order of the modules: the checkpoint's table. */
  static Map<String, Shape> shapes(ModelConfig config) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    long hidden = config.hiddenSize();
    Shape embedding = Shape.of(config.vocabularySize(), hidden);
    shapes.put("model.embed_tokens.weight", embedding);
    for (int i = 0; i < config.layers(); i++) {
      putLayer(shapes, "model.layers.%d.".formatted(i), config);
    }
    shapes.put("model.norm.weight", Shape.of(hidden));
    if (!config.tiedEmbeddings()) {
      shapes.put("lm_head.weight", embedding);
    }
    return shapes;
  }

  private static void putLayer(Map<String, Shape> shapes, String path, ModelConfig config) {
    long hidden = config.hiddenSize();
    long inner = config.intermediateSize();
    long queries = config.queryWidth();
    long keys = config.keyValueWidth();
    boolean bias = config.queryKeyValueBias();
    putLinear(shapes, path + "self_attn.q_proj", queries, hidden, bias);
    putLinear(shapes, path + "self_attn.k_proj", keys, hidden, bias);
    putLinear(shapes, path + "self_attn.v_proj", keys, hidden, bias);
    putLinear(shapes, path + "self_attn.o_proj", hidden, queries, config.attentionOutputBias());
    putLinear(shapes, path + "mlp.gate_proj", inner, hidden, config.mlpBias());
    putLinear(shapes, path + "mlp.up_proj", inner, hidden, config.mlpBias());
    putLinear(shapes, path + "mlp.down_proj", hidden, inner, config.mlpBias());
    shapes.put(path + "input_layernorm.weight", Shape.of(hidden));
    shapes.put(path + "post_attention_layernorm.weight", Shape.of(hidden));
  }

  private static void putLinear(
      Map<String, Shape> shapes, String path, long out, long in, boolean bias) {
    shapes.put(path + ".weight", Shape.of(out, in));
    if (bias) {
      shapes.put(path + ".bias", Shape.of(out));
    }
  }

  /** The weights of child {@code name}. */
  Weights in(String name) {
    return new Weights(tensors, path + name + ".");
  }

  Tensor get(String name) {
    Tensor tensor = tensors.get(path + name);
    if (tensor == null) {
      throw new IllegalStateException("no tensor " + path + name);
    }
    return tensor;
  }

  /** The linear layer {@code name}, with a bias if there is one. */
  Linear linear(String name) {
    @Nullable Tensor bias = tensors.get(path + name + ".bias");
    return Linear.of(get(name + ".weight"), bias);
  }
}
