package dev.granula.models;

import static dev.granula.models.ModelGoldens.assertClose;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.Autograd;
import dev.granula.models.generation.Generation;
import dev.granula.models.generation.GenerationOptions;
import dev.granula.models.generation.Generator;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.Cpu;
import dev.granula.tensor.cpu.CpuDevice;
import dev.granula.tensor.safetensors.SafetensorsFile;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Greedy generation against transformers, and what batching must not change. */
final class GenerationGoldenTest {
  private static final CpuDevice DEVICE = Cpu.device();

  @ParameterizedTest
  @ValueSource(strings = {"llama-tiny", "llama-tied", "qwen2-tiny", "llama-bf16", "llama-sharded"})
  void greedyTokens(String name) {
    CausalLm model = Models.load(ModelGoldens.directory(name), DEVICE);
    try (SafetensorsFile expected = ModelGoldens.expected(name)) {
      int[] prompt = ModelGoldens.rows(expected.read("generate.prompt_ids", DEVICE))[0];
      int[] wanted = ModelGoldens.rows(expected.read("generate.sequence_ids", DEVICE))[0];
      List<Integer> heard = new ArrayList<>();
      Generation generation =
          new Generator(model)
              .generate(
                  List.of(prompt), GenerationOptions.greedy(12), (_, token) -> heard.add(token))
              .getFirst();
      List<Integer> rest = Arrays.stream(wanted).skip(prompt.length).boxed().toList();
      assertEquals(rest, generation.tokens());
      assertEquals(rest, heard);
      assertEquals(rest.size() < 12, generation.stopped());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama-tiny", "llama-tied", "qwen2-tiny", "llama-bf16", "llama-sharded"})
  void logitsThroughTheCache(String name) {
    CausalLm model = Models.load(ModelGoldens.directory(name), DEVICE);
    try (SafetensorsFile expected = ModelGoldens.expected(name);
        Scope _ = DEVICE.memory().step()) {
      int[] ids = ModelGoldens.rows(expected.read("generate.sequence_ids", DEVICE))[0];
      Tensor wanted = expected.read("generate.logits", DEVICE);
      int start = ids.length - (int) wanted.shape().dim(0);
      KeyValueCache cache = new KeyValueCache(model.config(), DEVICE, 1, ids.length);
      for (int end = start; end < ids.length; end++) {
        int from = end == start ? 0 : end - 1;
        int[] positions = new int[end - from];
        Arrays.setAll(positions, t -> from + t);
        TokenBatch batch =
            TokenBatch.of(
                DEVICE,
                new int[][] {Arrays.copyOfRange(ids, from, end)},
                new int[][] {positions},
                null,
                null);
        Tensor logits =
            Autograd.noGrad(() -> model.logits(model.hiddenStates(batch, cache))).data();
        assertClose(
            "token " + end,
            wanted.slice(0, end - start, end - start + 1),
            logits.slice(1, end - from - 1, end - from).reshape(1, 96));
      }
    }
  }

  @Test
  void neighboursInABatchDoNotMatter() {
    CausalLm model = Models.load(ModelGoldens.directory("llama-tiny"), DEVICE);
    Generator generator = new Generator(model);
    List<int[]> prompts =
        List.of(new int[] {5, 6, 7, 8, 9, 10, 11}, new int[] {42}, new int[] {17, 90, 3});
    GenerationOptions options = GenerationOptions.greedy(8).withStopTokenIds(List.of());
    List<Generation> together = generator.generate(prompts, options, (_, _) -> {});
    for (int i = 0; i < prompts.size(); i++) {
      assertEquals(generator.generate(prompts.get(i), options), together.get(i));
    }
  }

  @Test
  void eachPromptStopsAlone() {
    CausalLm model = Models.load(ModelGoldens.directory("llama-tiny"), DEVICE);
    Generator generator = new Generator(model);
    List<int[]> prompts = List.of(new int[] {5, 6}, new int[] {42, 1});
    GenerationOptions endless = GenerationOptions.greedy(6).withStopTokenIds(List.of());
    List<Integer> first = generator.generate(prompts.get(0), endless).tokens();
    GenerationOptions stopping = endless.withStopTokenIds(List.of(first.get(1)));
    List<Generation> together = generator.generate(prompts, stopping, (_, _) -> {});
    assertTrue(together.get(0).stopped());
    assertEquals(first.subList(0, first.indexOf(first.get(1)) + 1), together.get(0).tokens());
    assertEquals(generator.generate(prompts.get(1), stopping), together.get(1));
  }

  @Test
  void refusesWhatDoesNotFit() {
    CausalLm model = Models.load(ModelGoldens.directory("llama-tiny"), DEVICE);
    Generator generator = new Generator(model);
    GranulaException e =
        assertThrows(
            GranulaException.class,
            () -> generator.generate(new int[] {1, 2}, GenerationOptions.greedy(2047)));
    assertTrue(e.getMessage().contains("2048"), e.getMessage());
    assertThrows(
        GranulaException.class, () -> generator.generate(new int[0], GenerationOptions.greedy(1)));
    assertThrows(
        GranulaException.class,
        () -> generator.generate(new int[] {96}, GenerationOptions.greedy(1)));
  }

  @Test
  void leavesModeAndMemoryAsTheyWere() {
    CpuDevice device = CpuDevice.create();
    CausalLm model = Models.load(ModelGoldens.directory("qwen2-tiny"), device);
    model.setTraining(true);
    new Generator(model).generate(new int[] {1, 2, 3}, GenerationOptions.sampling(5, 0.8, 1));
    assertTrue(model.isTraining());
    assertEquals(0, device.memory().stats().usedBytes());
    device.close();
  }
}
