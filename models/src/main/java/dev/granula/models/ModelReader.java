package dev.granula.models;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.safetensors.Checkpoint;
import dev.granula.tensor.safetensors.SafetensorsEntry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads a model directory: everything is checked before the first weight is allocated. */
final class ModelReader {
  private static final Set<DType> WEIGHT_TYPES = EnumSet.of(DType.F32, DType.BF16, DType.F16);

  /** Older checkpoints store these frequencies, which follow from the configuration. */
  private static final String DERIVED = "rotary_emb.inv_freq";

  private static final String HEAD = "lm_head.weight";

  private ModelReader() {}

  static CausalLm read(Path directory, Device device) {
    ModelConfig config = ModelConfig.read(directory);
    Map<String, Shape> expected = Weights.shapes(config);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    Map<String, DType> storedTypes = new LinkedHashMap<>();
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      List<String> problems = compare(expected, checkpoint.entries(), config.tiedEmbeddings());
      if (!problems.isEmpty()) {
        throw new ModelFormatException("load model " + directory, problems);
      }
      for (String name : expected.keySet()) {
        Tensor stored = checkpoint.read(name, device);
        storedTypes.put(name, stored.dtype());
        tensors.put(name, widenVector(stored));
      }
    }
    return new CausalLm(config, new Weights(tensors, ""), new Origin(directory, storedTypes));
  }

  private static List<String> compare(
      Map<String, Shape> expected, Map<String, SafetensorsEntry> found, boolean tied) {
    List<String> problems = new ArrayList<>();
    expected.forEach(
        (name, shape) -> {
          SafetensorsEntry entry = found.get(name);
          if (entry == null) {
            problems.add("%s: is missing, needs shape %s".formatted(name, shape));
          } else if (!entry.shape().equals(shape)) {
            problems.add(
                "%s: has shape %s, %s asks for %s"
                    .formatted(name, entry.shape(), ConfigReader.CONFIG, shape));
          } else if (!entry.type().dtype().map(WEIGHT_TYPES::contains).orElse(false)) {
            problems.add(
                "%s: is stored as %s; supported: F32, BF16, F16".formatted(name, entry.type()));
          }
        });
    for (String name : found.keySet()) {
      boolean ignored = name.endsWith(DERIVED) || tied && name.equals(HEAD);
      if (!expected.containsKey(name) && !ignored) {
        problems.add("%s: is unexpected, the model has no such tensor".formatted(name));
      }
    }
    return problems;
  }

  /** Norms and biases take part in sums, which are F32; they are small. */
  private static Tensor widenVector(Tensor tensor) {
    if (tensor.shape().rank() != 1 || tensor.dtype() == DType.F32) {
      return tensor;
    }
    Tensor wide = Tensor.emptyPersistent(tensor.device(), DType.F32, tensor.shape());
    tensor.backend().copy(tensor, wide);
    return wide;
  }
}
