package dev.granula.models;

import dev.granula.autograd.RandomStream;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Models from and to Hugging Face directories, and new ones with random weights. */
public final class Models {
  /** The element type of saved weights. */
  public enum SavedType {
    /** As they were stored in the directory that the model was loaded from; F32 for new models. */
    STORED,
    F32
  }

  private Models() {}

  /**
   * Loads a directory with {@code config.json} and {@code model.safetensors} or an index and
   * shards. Weights are held once, in their stored type; norms and biases in F32.
   *
   * @throws ModelFormatException naming everything in the configuration that is wrong or not
   *     supported, or every tensor that is missing, unexpected or of a wrong shape or type
   * @throws dev.granula.tensor.safetensors.SafetensorsException if a file is malformed
   */
  public static CausalLm load(Path directory, Device device) {
    return ModelReader.read(directory, device);
  }

  /**
   * A model with random F32 weights as transformers draws them: normal with mean 0 and the
   * configuration's deviation, norms 1, biases 0.
   */
  public static CausalLm create(ModelConfig config, long seed, Device device) {
    return create(config, seed, device, DType.F32);
  }

  /**
   * {@link #create(ModelConfig, long, Device)} with matrices of type {@code type}, F32, BF16 or
   * F16: the same numbers, rounded as they are drawn, so that no matrix ever exists twice. Norms
   * and biases are F32, as in loaded models.
   */
  public static CausalLm create(ModelConfig config, long seed, Device device, DType type) {
    RandomStream random = new RandomStream(seed);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    Weights.shapes(config)
        .forEach(
            (name, shape) -> tensors.put(name, draw(config, random, name, shape, device, type)));
    return new CausalLm(config, new Weights(tensors, ""), Origin.NONE);
  }

  private static Tensor draw(
      ModelConfig config,
      RandomStream random,
      String name,
      Shape shape,
      Device device,
      DType type) {
    boolean vector = shape.rank() == 1;
    Tensor tensor = Tensor.emptyPersistent(device, vector ? DType.F32 : type, shape);
    if (vector) {
      device.backend().fill(tensor, name.endsWith(".bias") ? 0 : 1);
    } else {
      random.fillNormal(tensor, 0, config.initializerRange());
    }
    return tensor;
  }

  /**
   * Writes a directory that transformers and {@link #load} read: weights, {@code config.json} and,
   * where the model was loaded from a directory, its tokenizer and other files. Each file appears
   * whole or not at all, {@code config.json} last.
   *
   * @throws ModelFormatException if the model carries adapters; merge or detach them first
   * @throws java.io.UncheckedIOException if writing fails
   */
  public static void save(CausalLm model, Path directory, SavedType type) {
    new ModelWriter(model, type).write(directory);
  }
}
