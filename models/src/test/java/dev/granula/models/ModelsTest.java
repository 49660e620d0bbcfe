package dev.granula.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.nn.Dropout;
import dev.granula.nn.Layer;
import dev.granula.nn.Parameter;
import dev.granula.tensor.DType;
import dev.granula.tensor.Scope;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.Cpu;
import dev.granula.tensor.cpu.CpuDevice;
import dev.granula.tensor.safetensors.SafetensorsFile;
import dev.granula.tensor.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ModelsTest {
  private static final CpuDevice DEVICE = Cpu.device();
  private static final long SEED = 3;

  @TempDir Path folder;

  @Test
  void parametersAreExactlyTheCheckpoint() {
    for (String name : List.of("llama-tiny", "llama-tied", "qwen2-tiny")) {
      CausalLm model = Models.load(ModelGoldens.directory(name), DEVICE);
      Path file = ModelGoldens.directory(name).resolve("model.safetensors");
      try (SafetensorsFile stored = SafetensorsFile.open(file)) {
        assertEquals(stored.entries().keySet(), Map.copyOf(model.namedParameters()).keySet(), name);
      }
    }
  }

  @Test
  void projectionsAndHeadCanBeExchanged() {
    CausalLm model = Models.load(ModelGoldens.directory("llama-tied"), DEVICE);
    int[][] ids = {{1, 2, 3, 4}};
    try (Scope _ = DEVICE.memory().step()) {
      TokenBatch batch = TokenBatch.of(DEVICE, ids, ids);
      double before = model.loss(batch, 1).item();
      wrap(model, "lm_head");
      assertEquals(before, model.loss(batch, 1).item(), 1e-5 * before);
      for (String projection : List.of("q", "k", "v", "o")) {
        wrap(model, "model.layers.1.self_attn.%s_proj".formatted(projection));
      }
      for (String projection : List.of("gate", "up", "down")) {
        wrap(model, "model.layers.0.mlp.%s_proj".formatted(projection));
      }
      assertEquals(before, model.loss(batch, 1).item(), 1e-5 * before);
    }
    assertTrue(model.outputHead().orElseThrow() instanceof Wrapper);
  }

  @Test
  void repeatedLayersDropTheSameElements() {
    CausalLm model = Models.load(ModelGoldens.directory("qwen2-tiny"), DEVICE);
    RandomStream random = model.random();
    String path = "model.layers.0.mlp.down_proj";
    Parameter weight = model.namedParameters().get(path + ".weight");
    Layer base = (Layer) model.namedModules().get(path);
    model.slotAt(path).set(new Wrapper(base, new Dropout(0.5, random)));
    model.setTraining(true);
    weight.setTrainable(true);
    float[][] gradients = new float[2][];
    for (int i = 0; i < 2; i++) {
      model.setGradientCheckpointing(i == 1);
      random.seek(0);
      weight.zeroGrad();
      try (Scope _ = DEVICE.memory().step()) {
        int[][] ids = {{1, 2, 3, 4, 5}};
        model.loss(TokenBatch.of(DEVICE, ids, ids), 1).backward();
        gradients[i] = Objects.requireNonNull(weight.grad()).toFloatArray();
      }
    }
    assertArrayEquals(gradients[0], gradients[1]);
  }

  private static void wrap(CausalLm model, String path) {
    Layer base = (Layer) model.namedModules().get(path);
    model.slotAt(path).set(new Wrapper(base, new Dropout(0, model.random())));
  }

  /** Stands where an adapter would. */
  private static final class Wrapper extends Layer {
    private final Layer base;
    private final Dropout dropout;

    Wrapper(Layer base, Dropout dropout) {
      this.base = register("base_layer", base);
      this.dropout = register("dropout", dropout);
    }

    @Override
    public Variable forward(Variable x) {
      return base.forward(dropout.forward(x));
    }
  }

  /** Loss and gradients of packed sequences are those of the sequences one by one. */
  @Test
  void packedSequencesDoNotSeeEachOther() {
    CausalLm model = Models.load(ModelGoldens.directory("llama-tiny"), DEVICE);
    Parameter weight =
        Objects.requireNonNull(
            model.namedParameters().get("model.layers.0.self_attn.k_proj.weight"));
    weight.setTrainable(true);
    int[][] ids = {{1, 5, 6, 7}, {1, 8, 9}, {2}, {1, 4, 4, 3, 9, 7}};
    int[][] labels = {{1, 5, 6, 7}, {-100, -100, 9}, {2}, {1, 4, -100, 3, 9, -100}};
    try (Scope _ = DEVICE.memory().step()) {
      double sum = 0;
      for (int i = 0; i < ids.length; i++) {
        Variable loss =
            model.loss(TokenBatch.of(DEVICE, new int[][] {ids[i]}, new int[][] {labels[i]}), 1);
        loss.backward();
        sum += loss.item();
      }
      float[] expected = Objects.requireNonNull(weight.grad()).toFloatArray();
      weight.zeroGrad();
      TokenBatch packed = TokenBatch.packed(DEVICE, ids, labels);
      assertEquals(14, packed.length());
      assertEquals(7, packed.targetCount());
      Variable loss = model.loss(packed, 1);
      loss.backward();
      assertEquals(sum, loss.item(), 1e-4);
      assertArrayEquals(expected, Objects.requireNonNull(weight.grad()).toFloatArray(), 1e-5f);
    }
  }

  @Test
  void onlySequencesWithTokensArePacked() {
    assertThrows(ShapeException.class, () -> TokenBatch.packed(DEVICE, new int[0][], new int[0][]));
    int[][] ids = {{1, 2}, {}};
    ShapeException e =
        assertThrows(ShapeException.class, () -> TokenBatch.packed(DEVICE, ids, ids));
    assertTrue(e.getMessage().contains("[2, 0]"), e.getMessage());
    assertThrows(
        ShapeException.class,
        () -> TokenBatch.packed(DEVICE, new int[][] {{1, 2}}, new int[][] {{1}}));
  }

  /** Only places that are asked go through the head: loss and gradients are those of all logits. */
  @Test
  void unaskedPlacesCountForNothing() {
    CausalLm model = Models.create(small("llama").build(), SEED, DEVICE);
    Parameter norm = Objects.requireNonNull(model.namedParameters().get("model.norm.weight"));
    norm.setTrainable(true);
    int[][] ids = {{1, 5, 6, 7}, {1, 8, 9, 4}};
    int[][] labels = {{-100, -100, 6, 7}, {3, -100, 9, -100}};
    int[] next = {-100, 6, 7, -100, -100, 9, -100, -100};
    try (Scope _ = DEVICE.memory().step()) {
      TokenBatch batch = TokenBatch.of(DEVICE, ids, labels);
      Variable expected =
          model.logits(batch).reshape(8, 50).crossEntropy(Tensor.of(DEVICE, next, 8), 0.5);
      expected.backward();
      float[] gradient = Objects.requireNonNull(norm.variable().grad()).toFloatArray();
      norm.variable().zeroGrad();
      Variable loss = model.loss(batch, 0.5);
      loss.backward();
      assertEquals(3, batch.targetCount());
      assertEquals(expected.item(), loss.item(), 1e-5);
      assertArrayEquals(
          gradient, Objects.requireNonNull(norm.variable().grad()).toFloatArray(), 1e-5f);
      norm.variable().zeroGrad();
      Variable nothing = model.loss(TokenBatch.of(DEVICE, ids), 1);
      nothing.backward();
      assertEquals(0, nothing.item());
      assertArrayEquals(
          new float[gradient.length],
          Objects.requireNonNull(norm.variable().grad()).toFloatArray());
    }
  }

  @Test
  void refusesTokensOutsideOfTheModel() {
    CausalLm model = Models.create(small("llama").contextLength(4).build(), SEED, DEVICE);
    try (Scope _ = DEVICE.memory().step()) {
      ShapeException id =
          assertThrows(
              ShapeException.class, () -> model.logits(TokenBatch.of(DEVICE, new int[][] {{50}})));
      assertTrue(id.getMessage().contains("50"), id.getMessage());
      ShapeException length =
          assertThrows(
              ShapeException.class,
              () -> model.logits(TokenBatch.of(DEVICE, new int[][] {{1, 2, 3, 4, 5}})));
      assertTrue(length.getMessage().contains("context of 4"), length.getMessage());
      assertThrows(ShapeException.class, () -> TokenBatch.of(DEVICE, new int[][] {{1, 2}, {3}}));
      assertThrows(ShapeException.class, () -> TokenBatch.of(DEVICE, new int[][] {{-1}}));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama-tiny", "llama-bf16", "qwen2-tiny", "llama-sharded"})
  void savedModelsAreTheSame(String name) throws IOException {
    CausalLm model = Models.load(ModelGoldens.directory(name), DEVICE);
    Path saved = folder.resolve("saved");
    Models.save(model, saved, Models.SavedType.STORED);
    CausalLm again = Models.load(saved, DEVICE);
    assertEquals(model.config(), again.config());
    assertEquals(values(model), values(again));
    assertTrue(Files.exists(saved.resolve("generation_config.json")));
    assertFalse(Files.exists(saved.resolve("expected.safetensors")));
    if (!name.equals("llama-sharded")) {
      assertEquals(
          -1,
          Files.mismatch(
              ModelGoldens.directory(name).resolve("model.safetensors"),
              saved.resolve("model.safetensors")));
    }
  }

  @Test
  void savesInF32OnRequest() throws IOException {
    CausalLm model = Models.load(ModelGoldens.directory("llama-bf16"), DEVICE);
    Models.save(model, folder, Models.SavedType.F32);
    CausalLm wide = Models.load(folder, DEVICE);
    assertEquals(DType.F32, wide.namedParameters().get("lm_head.weight").dtype());
    assertEquals(values(model), values(wide));
    assertTrue(Files.readString(folder.resolve("config.json")).contains("\"float32\""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen2"})
  void newModelsAreSavedAndLoaded(String modelType) {
    ModelConfig config =
        small(modelType)
            .rope(new RopeConfig.Llama3(5e5, 8, 1, 4, 64))
            .tiedEmbeddings(true)
            .eosTokenIds(List.of(1, 2))
            .bosTokenId(3)
            .build();
    CausalLm model = Models.create(config, SEED, DEVICE);
    assertEquals(values(model), values(Models.create(config, SEED, DEVICE)));
    Models.save(model, folder, Models.SavedType.STORED);
    CausalLm again = Models.load(folder, DEVICE);
    assertEquals(config, again.config());
    assertEquals(values(model), values(again));
  }

  @Test
  void newModelsInSixteenBitsHoldTheRoundedNumbers() {
    ModelConfig config = small("llama").build();
    Map<String, Parameter> wide = Models.create(config, SEED, DEVICE).namedParameters();
    Map<String, Parameter> narrow =
        Models.create(config, SEED, DEVICE, DType.BF16).namedParameters();
    wide.forEach(
        (name, parameter) -> {
          Tensor found = narrow.get(name).data();
          boolean vector = parameter.shape().rank() == 1;
          assertEquals(vector ? DType.F32 : DType.BF16, found.dtype(), name);
          assertArrayEquals(
              parameter.data().to(found.dtype()).toDoubleArray(), found.toDoubleArray(), name);
        });
  }

  @Test
  void modelsWithAdaptersAreNotSaved() throws IOException {
    CausalLm model = Models.create(small("llama").build(), SEED, DEVICE);
    wrap(model, "model.layers.0.mlp.up_proj");
    Path target = folder.resolve("x");
    assertThrows(
        ModelFormatException.class, () -> Models.save(model, target, Models.SavedType.F32));
    assertFalse(Files.exists(target));
  }

  @Test
  void reportsAllWrongTensorsTogether() throws IOException {
    Models.save(
        Models.create(small("llama").build(), SEED, DEVICE), folder, Models.SavedType.STORED);
    Path weights = folder.resolve("model.safetensors");
    Map<String, Tensor> tensors = new HashMap<>();
    try (SafetensorsFile file = SafetensorsFile.open(weights)) {
      file.entries().keySet().forEach(name -> tensors.put(name, file.read(name, DEVICE)));
    }
    tensors.remove("model.norm.weight");
    Tensor flat = Tensor.of(DEVICE, new float[] {1}, 1);
    tensors.put("model.embed_tokens.weight", flat);
    tensors.put("model.extra", flat);
    tensors.put("model.layers.0.self_attn.rotary_emb.inv_freq", flat);
    Tensor head = tensors.get("lm_head.weight");
    tensors.put("lm_head.weight", head.to(DType.F64));
    SafetensorsWriter.write(weights, tensors);
    ModelFormatException e =
        assertThrows(ModelFormatException.class, () -> Models.load(folder, DEVICE));
    assertEquals(4, e.problems().size(), e.getMessage());
    for (String part : List.of("model.norm.weight", "[1]", "model.extra", "F64")) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }

  private static ModelConfig.Builder small(String modelType) {
    return ModelConfig.builder(modelType)
        .vocabularySize(50)
        .hiddenSize(16)
        .intermediateSize(24)
        .layers(2)
        .heads(4)
        .keyValueHeads(2);
  }

  /** All weights by name, in F64. */
  private static Map<String, List<Double>> values(CausalLm model) {
    Map<String, List<Double>> all = new HashMap<>();
    model
        .namedParameters()
        .forEach(
            (name, p) -> all.put(name, Arrays.stream(p.data().toDoubleArray()).boxed().toList()));
    return all;
  }
}
