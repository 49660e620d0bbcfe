package dev.granula.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.Variable;
import dev.granula.gralora.AdapterConfig;
import dev.granula.gralora.Adapters;
import dev.granula.gralora.GraLoraConfig;
import dev.granula.gralora.LoraConfig;
import dev.granula.gralora.Targets;
import dev.granula.models.CausalLm;
import dev.granula.models.ModelConfig;
import dev.granula.models.Models;
import dev.granula.models.TokenBatch;
import dev.granula.nn.Parameter;
import dev.granula.tensor.Memory;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class StepMemoryTest {
  private static final double TOLERANCE = 0.15;

  private final CpuDevice device = CpuDevice.simd();

  private static ModelConfig config(String type) {
    return ModelConfig.builder(type)
        .vocabularySize(500)
        .hiddenSize(96)
        .intermediateSize(256)
        .layers(3)
        .heads(6)
        .keyValueHeads(2)
        .contextLength(128)
        .tiedEmbeddings(true)
        .build();
  }

  private static AdapterConfig adapter(String name) {
    Targets all = Targets.allLinear();
    return switch (name) {
      case "lora" -> LoraConfig.DEFAULT.withRank(16).withTargets(all);
      case "hybrid" -> GraLoraConfig.DEFAULT.withRank(16, 8, 2).withTargets(all);
      case "dropout" -> GraLoraConfig.DEFAULT.withRank(16, 0, 2).withTargets(all).withDropout(0.1);
      default -> GraLoraConfig.DEFAULT.withRank(32, 0, 4).withTargets(all);
    };
  }

  /** What the pool handed out at the peak of the second of two steps. */
  private long measured(CausalLm model, int batch, int length) {
    int[] lengths = new int[batch];
    Arrays.fill(lengths, length);
    return measuredWith(model, lengths);
  }

  private long measuredWith(CausalLm model, int... lengths) {
    int[][] ids = new int[lengths.length][];
    Arrays.setAll(ids, row -> IntStream.range(0, lengths[row]).toArray());
    Memory memory = device.memory();
    model.setTraining(true);
    for (int step = 0; step < 2; step++) {
      memory.resetPeak();
      try (var _ = memory.step()) {
        Variable loss = model.loss(TokenBatch.packed(device, ids, ids), 1);
        loss.backward();
      }
    }
    return memory.stats().peakBytes();
  }

  private static void assertClose(long estimate, long measured) {
    assertEquals(1, (double) estimate / measured, TOLERANCE, estimate + " for " + measured);
  }

  @ParameterizedTest
  @CsvSource({
    "llama, gralora, 2, 64, false",
    "llama, gralora, 2, 64, true",
    "qwen2, gralora, 4, 100, false",
    "qwen2, lora, 1, 128, false",
    "qwen2, lora, 3, 77, true",
    "llama, hybrid, 2, 128, false",
    "llama, dropout, 2, 64, false",
    "qwen2, dropout, 2, 64, true",
  })
  void adapters(String type, String name, int batch, int length, boolean checkpointing) {
    CausalLm model = Models.create(config(type), 1, device);
    Adapters adapters = Adapters.on(model, type, model.random());
    adapters.attach("default", adapter(name), 1);
    model.setGradientCheckpointing(checkpointing);
    StepMemory estimate =
        StepMemory.ofAdapter(
            model,
            adapters.layers().values(),
            adapters.parameters().values(),
            (long) batch * length,
            checkpointing);
    assertClose(estimate.activationBytes(), measured(model, batch, length));
    assertEquals(12 * adapters.parameterCount(), estimate.stateBytes());
  }

  @Test
  void samplesOfDifferentLengths() {
    CausalLm model = Models.create(config("qwen2"), 1, device);
    Adapters adapters = Adapters.on(model, "qwen2", model.random());
    adapters.attach("default", adapter("gralora"), 1);
    StepMemory estimate =
        StepMemory.ofAdapter(
            model,
            adapters.layers().values(),
            adapters.parameters().values(),
            20 + 120 + 77,
            false);
    assertClose(estimate.activationBytes(), measuredWith(model, 20, 120, 77));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void allWeights(boolean checkpointing) {
    CausalLm model = Models.create(config("qwen2"), 1, device);
    Map<String, Parameter> parameters = model.namedParameters();
    StepMemory estimate = StepMemory.ofAllWeights(model, 2 * 96, checkpointing);
    parameters.values().forEach(parameter -> parameter.setTrainable(true));
    model.setGradientCheckpointing(checkpointing);
    assertClose(estimate.activationBytes(), measured(model, 2, 96));
    long elements = parameters.values().stream().mapToLong(p -> p.shape().elementCount()).sum();
    assertEquals(12 * elements, estimate.stateBytes());
  }

  @Test
  void aStepThatFitsIsLetThrough() {
    StepMemory.Settings settings =
        new StepMemory.Settings(new Method.Full(), Batching.DEFAULT, false, false);
    new StepMemory(1000, 1000).requireRoom("cpu", device.memory(), settings);
  }

  @Test
  void theErrorNamesWhatIsNeededAndWhatToTurnDown() {
    StepMemory.Settings settings =
        new StepMemory.Settings(
            new Method.Adapter(GraLoraConfig.DEFAULT), Batching.DEFAULT, false, false);
    StepMemory huge = new StepMemory(1_000_000, Long.MAX_VALUE / 2);
    TooLittleMemoryException e =
        assertThrows(
            TooLittleMemoryException.class,
            () -> huge.requireRoom("cpu", device.memory(), settings));
    assertEquals(huge.bytes(), e.neededBytes());
    assertTrue(e.availableBytes() > 0 && e.availableBytes() < e.neededBytes());
    for (String part :
        new String[] {
          "1 MB for gradients",
          "batch size (4)",
          "maximum length (512)",
          "gradient checkpointing",
          "lower the rank",
          "BF16"
        }) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }
}
