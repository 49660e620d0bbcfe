package dev.granula.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.Autograd;
import dev.granula.autograd.Variable;
import dev.granula.gralora.AdaptedLinear;
import dev.granula.gralora.Adapters;
import dev.granula.gralora.PeftMetadata;
import dev.granula.models.CausalLm;
import dev.granula.models.Models;
import dev.granula.models.TokenBatch;
import dev.granula.nn.Parameter;
import dev.granula.nn.optim.AdamW;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Adapters that PEFT wrote, on models that transformers made: logits, loss, every adapter gradient
 * and a curve of 10 AdamW steps are those of PyTorch (goldens/README.md), on any device, with
 * max|a-b| / max|b| at most 1e-4.
 */
public abstract class PeftGoldens {
  private static final Path DATA = Path.of("../goldens/data");
  private static final double TOLERANCE = 1e-4;

  private final Device device = device();

  /** The device under test. */
  protected abstract Device device();

  static Stream<String> cases() throws IOException {
    try (Stream<Path> folders = Files.list(DATA.resolve("gralora"))) {
      return folders.map(folder -> folder.getFileName().toString()).sorted().toList().stream();
    }
  }

  /** A model with PEFT's adapter on it, and what PyTorch computed. */
  private final class Golden {
    final Path folder;
    final CausalLm model;
    final Adapters adapters;
    final Map<String, Tensor> expected;
    final PeftMetadata metadata;

    Golden(String name) {
      folder = DATA.resolve("gralora").resolve(name);
      expected = tensors(folder.resolve("expected.safetensors"));
      String base =
          name.startsWith("llama-bf16") ? "llama-bf16" : name.replaceAll("-[^-]*(-hybrid)?$", "");
      model = Models.load(DATA.resolve("models").resolve(base), device);
      adapters = Adapters.on(model, model.config().modelType(), model.random());
      metadata = adapters.load(folder, Adapters.DEFAULT);
    }

    TokenBatch batch() {
      return TokenBatch.of(device, ints("input_ids"), ints("labels"));
    }

    int[][] ints(String name) {
      Tensor tensor = expected.get(name);
      int rows = (int) tensor.shape().dim(0);
      int cols = (int) tensor.shape().dim(1);
      long[] flat = tensor.toLongArray();
      int[][] result = new int[rows][cols];
      for (int i = 0; i < flat.length; i++) {
        result[i / cols][i % cols] = (int) flat[i];
      }
      return result;
    }

    Variable loss() {
      TokenBatch batch = batch();
      return model.loss(batch, 1.0 / batch.targetCount());
    }

    /** Adapter weights under the names of PEFT's file. */
    Map<String, Parameter> parameters() {
      Map<String, Parameter> result = new LinkedHashMap<>();
      for (Map.Entry<String, AdaptedLinear> layer : adapters.layers().entrySet()) {
        layer
            .getValue()
            .adapters()
            .get(Adapters.DEFAULT)
            .namedParameters()
            .forEach((name, p) -> result.put("base_model.model." + layer.getKey() + "." + name, p));
      }
      return result;
    }
  }

  private Map<String, Tensor> tensors(Path file) {
    try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
      Map<String, Tensor> result = new LinkedHashMap<>();
      tensors.entries().keySet().forEach(name -> result.put(name, tensors.read(name, device)));
      return result;
    }
  }

  private static void assertClose(String what, Tensor expected, Tensor actual) {
    assertEquals(expected.shape(), actual.shape(), what);
    double[] e = expected.toDoubleArray();
    double[] a = actual.toDoubleArray();
    double difference = 0;
    double size = 0;
    for (int i = 0; i < e.length; i++) {
      difference = Math.max(difference, Math.abs(e[i] - a[i]));
      size = Math.max(size, Math.abs(e[i]));
      assertFalse(Double.isNaN(a[i]), what);
    }
    assertTrue(difference <= TOLERANCE * size, what + ": max|a-b|/max|b| = " + difference / size);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void logitsLossAndGradients(String name) {
    Golden golden = new Golden(name);
    try (var step = device.memory().step()) {
      Tensor logits = Autograd.noGrad(() -> golden.model.logits(golden.batch())).data();
      assertClose("logits", golden.expected.get("logits"), logits);
      Variable loss = golden.loss();
      assertClose("loss", golden.expected.get("loss"), loss.data());
      loss.backward();
      Map<String, Tensor> gradients = tensors(golden.folder.resolve("gradients.safetensors"));
      assertEquals(gradients.keySet(), golden.parameters().keySet());
      gradients.forEach(
          (key, expected) -> {
            Tensor gradient = golden.parameters().get(key).grad();
            assertNotNull(gradient, key);
            assertClose(key, expected, gradient);
          });
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void tenSteps(String name) throws IOException {
    Golden golden = new Golden(name);
    JsonNode curve =
        new JsonMapper().readTree(Files.readAllBytes(golden.folder.resolve("curve.json")));
    AdamW optimizer =
        new AdamW(golden.adapters.parameters(), AdamW.Settings.DEFAULT.withWeightDecay(0.01));
    List<Double> losses = new ArrayList<>();
    for (int i = 0; i <= 10; i++) {
      try (var step = device.memory().step()) {
        Variable loss = golden.loss();
        losses.add(loss.item());
        loss.backward();
        optimizer.step(0.01, Tensor.full(device, DType.F32, Shape.scalar(), 1));
        optimizer.zeroGrad();
      }
    }
    for (int i = 0; i <= 10; i++) {
      double expected = curve.get("losses").get(i).doubleValue();
      assertEquals(expected, losses.get(i), TOLERANCE * expected, "loss before step " + i);
    }
  }

  @Test
  void aWarmStepAllocatesNoNativeMemory() {
    Golden golden = new Golden("llama-tiny-k2");
    AdamW optimizer = new AdamW(golden.adapters.parameters(), AdamW.Settings.DEFAULT);
    long warm = 0;
    for (int i = 0; i < 20; i++) {
      try (var step = device.memory().step()) {
        golden.loss().backward();
        optimizer.step(0.01, Tensor.full(device, DType.F32, Shape.scalar(), 1));
        optimizer.zeroGrad();
      }
      warm = i == 2 ? device.memory().stats().slabBytes() : warm;
    }
    assertEquals(warm, device.memory().stats().slabBytes());
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama-tiny-k2-hybrid", "qwen2-tiny-k2-hybrid", "llama-tiny-lora"})
  void mergedLogits(String name) {
    Golden golden = new Golden(name);
    golden.adapters.mergeAndUnload(null);
    try (var step = device.memory().step()) {
      Tensor logits = Autograd.noGrad(() -> golden.model.logits(golden.batch())).data();
      assertClose("merged logits", golden.expected.get("merged.logits"), logits);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void savedAdapterIsTheSame(String name, @TempDir Path directory) throws IOException {
    Golden golden = new Golden(name);
    golden.adapters.save(directory, Adapters.DEFAULT, golden.metadata);
    assertSameConfig(golden.folder, directory);
    Map<String, Tensor> original = tensors(golden.folder.resolve("adapter_model.safetensors"));
    Map<String, Tensor> saved = tensors(directory.resolve("adapter_model.safetensors"));
    assertEquals(original.keySet(), saved.keySet());
    original.forEach(
        (key, tensor) -> {
          assertEquals(tensor.shape(), saved.get(key).shape(), key);
          org.junit.jupiter.api.Assertions.assertArrayEquals(
              tensor.toFloatArray(), saved.get(key).toFloatArray(), key);
        });
  }

  /** Field by field; LoRA's own fields that have no meaning here are left out in what is saved. */
  private static void assertSameConfig(Path original, Path saved) throws IOException {
    JsonMapper mapper = new JsonMapper();
    JsonNode theirs = mapper.readTree(Files.readAllBytes(original.resolve("adapter_config.json")));
    JsonNode ours = mapper.readTree(Files.readAllBytes(saved.resolve("adapter_config.json")));
    ours.properties()
        .forEach(
            field -> assertEquals(theirs.get(field.getKey()), field.getValue(), field.getKey()));
    if (theirs.get("peft_type").asString().equals("GRALORA")) {
      assertEquals(theirs.size(), ours.size());
    }
  }
}
