package dev.granula.models;

import static dev.granula.models.ModelGoldens.assertClose;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.granula.autograd.Autograd;
import dev.granula.autograd.Variable;
import dev.granula.nn.Embedding;
import dev.granula.nn.Module;
import dev.granula.nn.Parameter;
import dev.granula.tensor.DType;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.Cpu;
import dev.granula.tensor.cpu.CpuDevice;
import dev.granula.tensor.safetensors.SafetensorsFile;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against transformers, on the default device. */
final class CausalLmGoldenTest {
  private static final CpuDevice DEVICE = Cpu.device();

  @ParameterizedTest
  @ValueSource(strings = {"llama-tiny", "llama-tied", "qwen2-tiny", "llama-bf16", "llama-sharded"})
  void logitsAndLoss(String name) {
    CausalLm model = Models.load(ModelGoldens.directory(name), DEVICE);
    try (SafetensorsFile expected = ModelGoldens.expected(name);
        Scope _ = DEVICE.memory().step()) {
      TokenBatch batch = ModelGoldens.batch(expected, "", DEVICE);
      assertClose("logits", expected.read("logits", DEVICE), model.logits(batch).data());
      Variable loss = model.loss(batch, 1.0 / batch.targetCount());
      assertClose("loss", expected.read("loss", DEVICE), loss.data());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama-tiny", "llama-tied", "qwen2-tiny", "llama-bf16", "llama-sharded"})
  void hiddenStates(String name) {
    CausalLm model = Models.load(ModelGoldens.directory(name), DEVICE);
    try (SafetensorsFile expected = ModelGoldens.expected(name);
        Scope _ = DEVICE.memory().step()) {
      TokenBatch batch = ModelGoldens.batch(expected, "", DEVICE);
      Map<String, Module> modules = model.namedModules();
      Embedding embedding = (Embedding) modules.get("model.embed_tokens");
      DecoderLayer first = (DecoderLayer) modules.get("model.layers.0");
      RotaryTable rotary = new RotaryTable(model.config(), DEVICE);
      Sequences sequences =
          new Sequences(batch.positions(), rotary.cos(), rotary.sin(), null, null);

      Variable embedded = embedding.forward(batch.ids());
      assertClose("0", expected.read("hidden_states.0", DEVICE), embedded.data());
      Variable behindFirst = first.forward(embedded, sequences);
      assertClose("1", expected.read("hidden_states.1", DEVICE), behindFirst.data());
      Tensor last = model.hiddenStates(batch).data();
      assertClose("2", expected.read("hidden_states.2", DEVICE), last);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama-tiny", "llama-tied", "qwen2-tiny", "llama-bf16", "llama-sharded"})
  void paddingOnTheRight(String name) {
    CausalLm model = Models.load(ModelGoldens.directory(name), DEVICE);
    try (SafetensorsFile expected = ModelGoldens.expected(name);
        Scope _ = DEVICE.memory().step()) {
      TokenBatch batch = ModelGoldens.batch(expected, "padded.", DEVICE);
      Tensor logits = model.logits(batch).data();
      Tensor wanted = expected.read("padded.logits", DEVICE);
      assertClose("full row", wanted.slice(0, 0, 1), logits.slice(0, 0, 1));
      assertClose(
          "padded row", wanted.slice(0, 1, 2).slice(1, 0, 8), logits.slice(0, 1, 2).slice(1, 0, 8));
      Variable loss = model.loss(batch, 1.0 / batch.targetCount());
      assertClose("loss", expected.read("padded.loss", DEVICE), loss.data());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "llama-tiny,false", "llama-tied,false", "qwen2-tiny,false",
    "llama-tiny,true", "llama-tied,true", "qwen2-tiny,true"
  })
  void gradientsOfAllParameters(String name, boolean checkpointing) {
    CausalLm model = Models.load(ModelGoldens.directory(name), DEVICE);
    model.setGradientCheckpointing(checkpointing);
    Map<String, Parameter> parameters = model.namedParameters();
    parameters.values().forEach(p -> p.setTrainable(true));
    try (SafetensorsFile expected = ModelGoldens.expected(name);
        SafetensorsFile gradients =
            SafetensorsFile.open(ModelGoldens.directory(name).resolve("gradients.safetensors"));
        Scope _ = DEVICE.memory().step()) {
      TokenBatch batch = ModelGoldens.batch(expected, "", DEVICE);
      model.loss(batch, 1.0 / batch.targetCount()).backward();
      assertEquals(gradients.entries().keySet(), Map.copyOf(parameters).keySet());
      parameters.forEach(
          (parameter, p) -> {
            Tensor gradient = p.grad();
            assertNotNull(gradient, parameter);
            assertClose(parameter, gradients.read(parameter, DEVICE), gradient);
          });
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama-tiny", "qwen2-tiny", "llama-bf16"})
  void stepsLeaveNothingBehind(String name) {
    CpuDevice device = CpuDevice.create();
    CausalLm model = Models.load(ModelGoldens.directory(name), device);
    try (SafetensorsFile expected = ModelGoldens.expected(name)) {
      for (int i = 0; i < 3; i++) {
        try (Scope _ = device.memory().step()) {
          TokenBatch batch = ModelGoldens.batch(expected, "", device);
          Autograd.noGrad(() -> model.loss(batch, 1));
        }
        assertEquals(0, device.memory().stats().usedBytes());
      }
    }
    device.close();
  }

  @ParameterizedTest
  @CsvSource({"llama-bf16,BF16", "llama-tiny,F32"})
  void weightsAreHeldAsStored(String name, DType type) {
    CausalLm model = Models.load(ModelGoldens.directory(name), DEVICE);
    model
        .namedParameters()
        .forEach(
            (parameter, p) ->
                assertEquals(p.shape().rank() == 1 ? DType.F32 : type, p.dtype(), parameter));
  }
}
