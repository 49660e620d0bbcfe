package dev.granula.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.gralora.Adapters;
import dev.granula.gralora.GraLoraConfig;
import dev.granula.gralora.Targets;
import dev.granula.models.ModelConfig;
import dev.granula.models.Models;
import dev.granula.nn.Layer;
import dev.granula.nn.Linear;
import dev.granula.nn.Slot;
import dev.granula.nn.optim.AdamW;
import dev.granula.nn.optim.Clipping;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.Devices;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import dev.granula.tensor.safetensors.SafetensorsFile;
import dev.granula.tensor.safetensors.SafetensorsWriter;
import dev.granula.training.FineTuning;
import dev.granula.training.LanguageModel;
import dev.granula.training.StepMetrics;
import dev.granula.training.TooLittleMemoryException;
import dev.granula.training.TrainingListener;
import dev.granula.training.TrainingOptions;
import dev.granula.training.data.Dataset;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** Whole training steps on the stand-in driver: results, waits, leaks, two devices. */
@EnabledIf(
    value = "dev.granula.cuda.StandIn#compilerIsThere",
    disabledReason = "g++ is not on the PATH: the CUDA kernels are not tested")
final class StandInTrainingTest {
  private static final Path TOKENIZER =
      Path.of("../models/src/test/resources/goldens/tokenizer/llama3");
  private static final int WARM_STEPS = 100;
  private static final int LONG_STEPS = 10_000;
  private static final int FULL_STEPS = 50;

  private final Device device = StandIn.device();

  @TempDir private Path folder;

  /** A Llama of hidden size 32 with random weights. */
  private Path model(DType type) throws IOException {
    ModelConfig config =
        ModelConfig.builder("llama")
            .vocabularySize(722)
            .hiddenSize(32)
            .intermediateSize(48)
            .layers(2)
            .heads(4)
            .keyValueHeads(2)
            .contextLength(64)
            .initializerRange(0.1)
            .build();
    Path directory = folder.resolve("base-" + type);
    try (CpuDevice cpu = CpuDevice.create();
        Scope _ = cpu.memory().step()) {
      Models.save(Models.create(config, 7, cpu), directory, Models.SavedType.F32);
      Path weights = directory.resolve("model.safetensors");
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      try (SafetensorsFile file = SafetensorsFile.open(weights)) {
        file.entries().keySet().forEach(name -> tensors.put(name, file.read(name, cpu).to(type)));
      }
      SafetensorsWriter.write(weights, tensors);
    }
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.copy(TOKENIZER.resolve(file), directory.resolve(file));
    }
    return directory;
  }

  private Dataset data() throws IOException {
    return Dataset.read(
        Files.writeString(
            folder.resolve("data.jsonl"),
            """
            {"prompt": "one and one", "completion": " two"}
            {"prompt": "two and one is", "completion": " three"}
            {"text": "one two three"}
            """));
  }

  /** Trains; {@code waits} takes how often the host had waited by the end of each step. */
  private List<Double> losses(Device on, Path base, int steps, List<Long> waits)
      throws IOException {
    List<Double> losses = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void onStep(StepMetrics metrics) {
            losses.add(metrics.loss());
            waits.add(StandIn.waits());
          }
        };
    TrainingOptions options =
        TrainingOptions.DEFAULT.withSteps(steps).withBatchSize(2).withLearningRate(1e-2);
    FineTuning.of(LanguageModel.load(base, on))
        .withOptions(options)
        .withListener(listener)
        .run(data(), Files.createTempDirectory(folder, "run"));
    return losses;
  }

  @Test
  void fiveStepsAsOnTheProcessor() throws IOException {
    Path base = model(DType.F32);
    try (Device cpu = Devices.open("cpu");
        Device cuda = Devices.open("cuda")) {
      assertTrue(cuda instanceof CudaDevice, cuda.name());
      List<Double> expected = losses(cpu, base, 5, new ArrayList<>());
      List<Double> actual = losses(cuda, base, 5, new ArrayList<>());
      assertEquals(5, actual.size());
      assertArrayEquals(array(expected), array(actual), 1e-5);
    }
  }

  /**
   * 64 texts of 60 tokens need more than the 12 MiB that are left, the model and an adapter less.
   */
  @Test
  void refusesAStepThatDoesNotFit() throws IOException {
    Path base = model(DType.F32);
    String sample = "{\"text\": \"%s\"}\n".formatted("one two three ".repeat(6).strip());
    Path data = Files.writeString(folder.resolve("long.jsonl"), sample.repeat(64));
    TrainingOptions options = TrainingOptions.DEFAULT.withSteps(1).withBatchSize(64);
    Path output = folder.resolve("refused");
    try (Device cuda = Devices.open("cuda")) {
      FineTuning tuning = FineTuning.of(LanguageModel.load(base, cuda)).withOptions(options);
      cuda.memory().trim();
      try (StandIn.Pretence _ = StandIn.pretend("limit=" + (StandIn.heldBytes() + (12 << 20)))) {
        TooLittleMemoryException e =
            assertThrows(
                TooLittleMemoryException.class, () -> tuning.run(Dataset.read(data), output));
        assertTrue(e.getMessage().contains("by the free memory of cuda:0"), e.getMessage());
        assertTrue(e.neededBytes() > e.availableBytes(), e.getMessage());
      }
      assertFalse(Files.exists(output.resolve("metrics.jsonl")));
    }
  }

  private static double[] array(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  @Test
  void theHostWaitsOnceInAStep() throws IOException {
    List<Long> waits = new ArrayList<>();
    losses(device, model(DType.F32), 4, waits);
    for (int i = 1; i < waits.size(); i++) {
      assertEquals(1, waits.get(i) - waits.get(i - 1), "step " + (i + 1));
    }
  }

  @Test
  void keepsABf16BaseInBf16() throws IOException {
    Path base = model(DType.BF16);
    try (Device cpu = Devices.open("cpu")) {
      List<Double> expected = losses(cpu, base, 5, new ArrayList<>());
      assertArrayEquals(array(expected), array(losses(device, base, 5, new ArrayList<>())), 1e-5);
    }
    try (CudaDevice rounding = CudaDevice.open(0, Precision.MEDIUM);
        Device cpu = Devices.open("cpu")) {
      double[] expected = array(losses(cpu, base, 5, new ArrayList<>()));
      double[] rounded = array(losses(rounding, base, 5, new ArrayList<>()));
      assertArrayEquals(expected, rounded, 2e-2);
      assertTrue(Math.abs(expected[0] - rounded[0]) > 1e-6, "nothing was rounded");
    }
  }

  /** One linear layer under the name {@code layer}. */
  private static final class One extends Layer {
    final Slot<Layer> layer;

    One(Linear linear) {
      layer = slot("layer", linear);
    }

    @Override
    public Variable forward(Variable x) {
      return layer.get().forward(x);
    }
  }

  /** Made inside a step: outside of one its source would wait for a garbage collection. */
  private static Tensor weight(CudaDevice device) {
    try (var _ = device.memory().step()) {
      return Tensor.full(device, DType.F32, Shape.of(4, 4), 0.5).persistent();
    }
  }

  /**
   * Uploads, forward, backward and a read in each step. Reductions take the stand-in long, so the
   * loss, clipping and AdamW come every fiftieth step.
   */
  @Test
  void nothingLeaksOverTenThousandSteps() {
    long before = StandIn.live();
    try (CudaDevice own = CudaDevice.open(0)) {
      Linear layer = Linear.of(weight(own), null);
      layer.weight().setTrainable(true);
      AdamW optimizer = new AdamW(layer.namedParameters(), AdamW.Settings.DEFAULT);
      float[] values = new float[8];
      long blocks = 0;
      long bytes = 0;
      for (int i = 0; i < LONG_STEPS; i++) {
        values[i % values.length] = i;
        try (var step = own.memory().step()) {
          Variable x = Variable.constant(Tensor.of(own, values, 2, 4));
          Variable y = layer.forward(x);
          if (i % FULL_STEPS == 0) {
            y.mse(x).backward();
            Clipping clipping = Clipping.of(layer.namedParameters().values(), 1);
            optimizer.step(1e-3, clipping.factor());
          } else {
            y.backward(x.data());
          }
          optimizer.zeroGrad();
          y.data().toFloatArray();
        }
        if (i == WARM_STEPS) {
          blocks = StandIn.live();
          bytes = StandIn.heldBytes();
        }
      }
      assertEquals(blocks, StandIn.live());
      assertEquals(bytes, StandIn.heldBytes());
      assertEquals(0, own.memory().stats().usedBytes());
    }
    assertEquals(before, StandIn.live());
  }

  @Test
  void devicesAreNotMixed() {
    try (StandIn.Pretence _ = StandIn.pretend("devices=2");
        CudaDevice first = CudaDevice.open(0);
        CudaDevice second = CudaDevice.open(1);
        CpuDevice cpu = CpuDevice.create();
        var one = first.memory().step();
        var two = second.memory().step();
        var host = cpu.memory().step()) {
      Tensor a = Tensor.full(first, DType.F32, Shape.of(2, 2), 2);
      Tensor b = Tensor.full(second, DType.F32, Shape.of(2, 2), 3);
      Tensor c = Tensor.full(cpu, DType.F32, Shape.of(2, 2), 4);
      for (List<Tensor> pair :
          List.of(List.of(a, b), List.of(b, a), List.of(a, c), List.of(c, a))) {
        Variable left = Variable.constant(pair.get(0));
        Variable right = Variable.constant(pair.get(1));
        DeviceException e = assertThrows(DeviceException.class, () -> left.matmul(right));
        assertTrue(e.getMessage().contains("move one with Tensor.to"), e.getMessage());
      }
      // Each device goes on with its own, in turn on one thread; and a copy goes by the host.
      assertArrayEquals(new float[] {8, 8, 8, 8}, square(a));
      assertArrayEquals(new float[] {18, 18, 18, 18}, square(b));
      assertArrayEquals(new float[] {8, 8, 8, 8}, square(a.to(second)));
    }
  }

  private static float[] square(Tensor x) {
    Variable v = Variable.constant(x);
    return v.matmul(v).data().toFloatArray();
  }

  /** Below the checks of the operations: a kernel, and Java code that takes it for memory. */
  @Test
  void memoryOfTheDeviceIsNotTakenForTheHosts() {
    try (CpuDevice cpu = CpuDevice.create();
        var there = device.memory().step();
        var here = cpu.memory().step()) {
      Tensor own = Tensor.full(device, DType.F32, Shape.of(4), 1);
      Tensor other = Tensor.full(cpu, DType.F32, Shape.of(4), 1);
      DeviceException e =
          assertThrows(DeviceException.class, () -> device.backend().copy(other, own));
      assertTrue(
          e.getMessage().contains("a tensor of %s was given to cuda:0".formatted(cpu.name())),
          e.getMessage());
      assertThrows(IllegalStateException.class, () -> cpu.backend().copy(own, other));
    }
  }

  /** Both products of GraLoRA, forward and backward, are one call each for all blocks. */
  @Test
  void blockProductsAreOneCall() {
    try (var step = device.memory().step();
        StandIn.Pretence _ = StandIn.pretend("")) {
      Linear linear =
          Linear.of(Tensor.full(device, DType.F32, Shape.of(16, 16), 0.1).persistent(), null);
      One model = new One(linear);
      Adapters adapters = Adapters.on(model, null, new RandomStream(1));
      GraLoraConfig config =
          GraLoraConfig.DEFAULT.withRank(8, 0, 4).withTargets(Targets.names("layer"));
      adapters.attach(Adapters.DEFAULT, config, 5);
      Variable x = Variable.leaf(Tensor.full(device, DType.F32, Shape.of(6, 16), 1));
      long before = StandIn.calls("cublasGemmStridedBatchedEx");
      Variable y = model.forward(x);
      assertEquals(before + 3, StandIn.calls("cublasGemmStridedBatchedEx"), "forward");
      y.sum().backward();
      assertEquals(before + 8, StandIn.calls("cublasGemmStridedBatchedEx"), "and backward");
    }
  }
}
