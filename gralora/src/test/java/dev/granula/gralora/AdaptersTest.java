package dev.granula.gralora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.Autograd;
import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.nn.Linear;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.Cpu;
import dev.granula.tensor.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Attaching, targets, files and their errors, on PEFT's test fixture. */
class AdaptersTest {
  private static final GraLoraConfig CONFIG =
      GraLoraConfig.DEFAULT.withTargets(Targets.names("lin0"));

  private final Device device = Cpu.device();
  private final Layers.Mlp model = new Layers.Mlp(device, DType.F32, 3);
  private final Adapters adapters = Adapters.on(model, null, new RandomStream(0));

  private Variable input() {
    float[] x = new float[90];
    for (int i = 0; i < x.length; i++) {
      x[i] = i / 90f;
    }
    return Variable.constant(Tensor.of(device, x, 9, 10));
  }

  private float[] output() {
    return model.forward(input()).data().toFloatArray();
  }

  /** PEFT: test_gralora_and_hybrid_gralora_parameter_count. */
  @ParameterizedTest
  @CsvSource({"12,2,0", "10,2,2", "10,5,2"})
  void parameterCount(int r, int k, int h) {
    adapters.attach("default", CONFIG.withRank(r, h, k), 1);
    assertEquals(360, adapters.parameterCount());
  }

  @Test
  void freshAdapterChangesNothing() {
    float[] before = output();
    adapters.attach("default", CONFIG, 1);
    assertArrayEquals(before, output());
  }

  @Test
  void onlyAdapterWeightsGetGradients() {
    adapters.attach("default", CONFIG.withInitWeights(false), 1);
    model.forward(input()).sum().backward();
    model
        .namedParameters()
        .forEach((name, p) -> assertEquals(name.contains("gralora"), p.grad() != null, name));
  }

  /** In a segment that runs again the layer's sum is left to its reader, who may never come. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void gradientsPassThroughACheckpoint(boolean read) {
    RandomStream random = new RandomStream(4);
    Adapters dropping = Adapters.on(model, null, random);
    GraLoraConfig config = CONFIG.withRank(8, 4, 2).withDropout(0.3).withInitWeights(false);
    dropping.attach("default", config, 1);
    model.setTraining(true);
    UnaryOperator<Variable> segment =
        x -> {
          Variable y = model.lin0.get().forward(x.exp());
          float[] values = read ? y.data().transpose(0, 1).toFloatArray() : new float[1];
          return y.scale(values[0] > 0 ? 2 : 3);
        };
    Map<String, List<Float>> plain = gradients(random, dropping, segment);
    assertEquals(plain, gradients(random, dropping, x -> Autograd.checkpoint(segment, random, x)));
  }

  private Map<String, List<Float>> gradients(
      RandomStream random, Adapters trained, UnaryOperator<Variable> segment) {
    random.seek(0);
    Map<String, List<Float>> gradients = new TreeMap<>();
    try (Scope _ = device.memory().step()) {
      segment.apply(input()).sum().backward();
      trained
          .parameters()
          .forEach(
              (name, parameter) -> {
                List<Float> values = new ArrayList<>();
                for (float value : Objects.requireNonNull(parameter.grad()).toFloatArray()) {
                  values.add(value);
                }
                gradients.put(name, values);
                parameter.zeroGrad();
              });
    }
    return gradients;
  }

  @Test
  void severalAdaptersAreSummed() {
    float[] base = output();
    adapters.attach("a", CONFIG.withInitWeights(false), 1);
    float[] a = output();
    adapters.attach("b", CONFIG.withRank(8, 4, 2).withInitWeights(false), 2);
    adapters.activate("a", "b");
    model.forward(input()).sum().backward();
    assertEquals(6, adapters.parameters().size());
    adapters.parameters().forEach((name, p) -> assertNotNull(p.grad(), name));
    adapters.activate("a");
    assertArrayEquals(a, output());
    adapters.activate();
    assertArrayEquals(base, output());
  }

  @Test
  void detachGivesTheBaseLayerBack() {
    Linear base = (Linear) model.lin0.get();
    adapters.attach("default", CONFIG, 1);
    assertInstanceOf(AdaptedLinear.class, model.lin0.get());
    adapters.detach("default");
    assertEquals(base, model.lin0.get());
    assertThrows(AdapterException.class, () -> adapters.detach("default"));
  }

  @Test
  void badConfigurationNamesEveryProblem() {
    AdapterException e = assertThrows(AdapterException.class, () -> CONFIG.withRank(6, -1, 4));
    assertEquals(2, e.problems().size());
    assertTrue(e.getMessage().contains("r should be divisible by gralora_k, but got 6 and 4"));
    assertThrows(AdapterException.class, () -> CONFIG.withRank(0, 0, 1));
    assertThrows(AdapterException.class, () -> CONFIG.withRank(4, 0, 0));
    assertThrows(AdapterException.class, () -> CONFIG.withRank(4, 0, -1));
    assertThrows(AdapterException.class, () -> CONFIG.withDropout(1.5));
  }

  /** k = 4 divides 20 but neither 10 nor 2: both layers are named and neither is wrapped. */
  @Test
  void badDimensionsAreFoundBeforeAnythingChanges() {
    GraLoraConfig config = CONFIG.withRank(8, 0, 4).withTargets(Targets.allLinear());
    AdapterException e =
        assertThrows(AdapterException.class, () -> adapters.attach("default", config, 1));
    assertEquals(
        List.of(
            "lin0: in_features should be divisible by gralora_k, but got 10 and 4",
            "lin1: out_features should be divisible by gralora_k, but got 2 and 4"),
        e.problems());
    assertInstanceOf(Linear.class, model.lin0.get());
  }

  @Test
  void unknownTargetsNameTheNearest() {
    GraLoraConfig config = CONFIG.withTargets(Targets.names("lin2"));
    AdapterException e =
        assertThrows(AdapterException.class, () -> adapters.attach("default", config, 1));
    assertTrue(e.getMessage().contains("lin2") && e.getMessage().contains("lin0"), e.getMessage());
  }

  @Test
  void brokenAdapterIsNotMerged() {
    adapters.attach("default", CONFIG.withTargets(Targets.allLinear()), 1);
    adapters
        .layers()
        .get("lin1")
        .adapters()
        .get("default")
        .factors()
        .get(1)
        .data()
        .store(0, Double.NaN);
    AdapterException e = assertThrows(AdapterException.class, adapters::merge);
    assertTrue(e.getMessage().contains("lin1") && !e.getMessage().contains("lin0"), e.getMessage());
    assertTrue(!adapters.isMerged());
    adapters.layers().values().forEach(layer -> assertTrue(!layer.isMerged()));
  }

  @Test
  void authorsOwnFormat(@TempDir Path directory) throws IOException {
    adapters.attach("default", CONFIG.withRank(8, 4, 2).withAlpha(24).withInitWeights(false), 1);
    adapters.save(directory, "default", PeftMetadata.causalLm("base"));
    float[] expected = output();
    Path file = directory.resolve(PeftFiles.CONFIG);
    String json = Files.readString(file);
    // their r includes hybrid_r
    Files.writeString(
        file, json.replace("\"alpha\"", "\"gralora_alpha\"").replace("\"r\" : 8", "\"r\" : 12"));
    Layers.Mlp fresh = new Layers.Mlp(device, DType.F32, 3);
    Adapters.on(fresh, null, new RandomStream(0)).load(directory, "default");
    assertArrayEquals(expected, fresh.forward(input()).data().toFloatArray());
  }

  @Test
  void unsupportedFieldsAreRefusedTogether(@TempDir Path directory) throws IOException {
    adapters.attach("default", CONFIG, 1);
    adapters.save(directory, "default", PeftMetadata.causalLm("base"));
    Path file = directory.resolve(PeftFiles.CONFIG);
    String json = Files.readString(file);
    Files.writeString(
        file,
        json.replace("\"bias\" : \"none\"", "\"bias\" : \"all\", \"brand_new\" : 3")
            .replace("\"modules_to_save\" : null", "\"modules_to_save\" : [\"lin1\"]"));
    Adapters fresh = Adapters.on(new Layers.Mlp(device, DType.F32, 3), null, new RandomStream(0));
    AdapterException e =
        assertThrows(AdapterException.class, () -> fresh.load(directory, "default"));
    assertEquals(3, e.problems().size(), e.getMessage());
  }

  @Test
  void missingUnexpectedAndMisshapenTensorsAreNamedTogether(@TempDir Path directory) {
    adapters.attach("default", CONFIG, 1);
    adapters.save(directory, "default", PeftMetadata.causalLm("base"));
    Tensor wrong = Tensor.zeros(device, DType.F32, dev.granula.tensor.Shape.of(2, 5, 31));
    SafetensorsWriter.write(
        directory.resolve(PeftFiles.WEIGHTS),
        Map.of("base_model.model.lin0.gralora_A", wrong, "base_model.model.lin0.lora_A", wrong),
        Map.of());
    Layers.Mlp other = new Layers.Mlp(device, DType.F32, 3);
    Adapters fresh = Adapters.on(other, null, new RandomStream(0));
    AdapterException e =
        assertThrows(AdapterException.class, () -> fresh.load(directory, "default"));
    assertEquals(
        List.of(
            "base_model.model.lin0.gralora_B is missing",
            "base_model.model.lin0.lora_A is unexpected",
            "base_model.model.lin0.gralora_A is [2, 5, 31], it must be [2, 5, 32]"),
        e.problems());
    assertInstanceOf(Linear.class, other.lin0.get());
  }

  @Test
  void mergingWithoutAnActiveAdapterIsRefused() {
    adapters.attach("default", CONFIG.withInitWeights(false), 1);
    adapters.activate();
    assertThrows(AdapterException.class, adapters::merge);
    adapters.activate("default");
    model.forward(input()).sum().backward();
    adapters.parameters().forEach((name, p) -> assertNotNull(p.grad(), name));
  }

  @Test
  void onlyLayersWithAnActiveAdapterAreMerged() {
    adapters.attach("a", CONFIG.withInitWeights(false), 1);
    Linear second = (Linear) model.lin1.get();
    GraLoraConfig other = CONFIG.withTargets(Targets.names("lin1")).withInitWeights(false);
    adapters.attach("b", other, 2);
    adapters.activate("a");
    float[] expected = output();
    adapters.mergeAndUnload(null);
    assertEquals(second, model.lin1.get());
    assertArrayEquals(expected, output(), 1e-4f);
  }

  @Test
  void layersOfAnotherAdaptersObjectAreRefused() {
    adapters.attach("a", CONFIG, 1);
    Adapters other = Adapters.on(model, null, new RandomStream(0));
    assertThrows(AdapterException.class, () -> other.attach("b", CONFIG, 1));
  }

  @Test
  void everyTargetNameMustMatch() {
    GraLoraConfig config = CONFIG.withTargets(Targets.names("lin0", "lin9"));
    AdapterException e =
        assertThrows(AdapterException.class, () -> adapters.attach("default", config, 1));
    assertTrue(e.getMessage().contains("lin9"), e.getMessage());
    assertInstanceOf(Linear.class, model.lin0.get());
  }

  /** As PEFT does, the file names what was adapted. */
  @Test
  void savedTargetsAreNames(@TempDir Path directory) throws IOException {
    adapters.attach("default", CONFIG.withTargets(Targets.allLinear()), 1);
    adapters.save(directory, "default", PeftMetadata.causalLm("base"));
    String json = Files.readString(directory.resolve(PeftFiles.CONFIG)).replaceAll("\\s", "");
    assertTrue(json.contains("\"target_modules\":[\"lin0\",\"lin1\"]"), json);
  }

  /** Several adapters on a layer move its weight by the sum of what each does. */
  @Test
  void fusedGradientsOfSeveralAdaptersAdd() {
    adapters.attach("a", CONFIG.withInitWeights(false), 1);
    adapters.attach("b", CONFIG.withRank(8, 4, 2).withInitWeights(false), 2);
    adapters.activate("a", "b");
    model.forward(input()).sum().backward();
    float[] both = FusedGradient.of(model.lin0.get()).toFloatArray();
    float[] a = adapters.layers().get("lin0").adapters().get("a").fusedGradient().toFloatArray();
    float[] b = adapters.layers().get("lin0").adapters().get("b").fusedGradient().toFloatArray();
    for (int i = 0; i < both.length; i++) {
      assertEquals(a[i] + b[i], both[i], 1e-4 * Math.abs(both[i]) + 1e-6);
    }
    assertThrows(GranulaException.class, () -> FusedGradient.of(model.lin1.get()));
  }

  @Test
  void conv1dWeightsAreInOut() {
    Tensor weight = Layers.random(device, DType.F32, new RandomStream(5), 8, 12).persistent();
    Layers.One conv = new Layers.One(Linear.conv1d(weight, null));
    Adapters on = Adapters.on(conv, null, new RandomStream(0));
    GraLoraConfig config =
        CONFIG.withRank(4, 2, 2).withInitWeights(false).withTargets(Targets.names("lin"));
    assertThrows(AdapterException.class, () -> on.attach("default", config, 1));
    on.attach("default", config.withFanInFanOut(true), 1);
    Variable x = Variable.constant(Layers.random(device, DType.F32, new RandomStream(6), 3, 8));
    float[] unmerged = conv.forward(x).data().toFloatArray();
    on.mergeAndUnload(null);
    assertEquals(weight.shape(), ((Linear) conv.lin.get()).weight().shape());
    assertArrayEquals(unmerged, conv.forward(x).data().toFloatArray(), 1e-4f);
  }
}
