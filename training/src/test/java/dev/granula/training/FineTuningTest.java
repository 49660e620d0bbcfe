package dev.granula.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.gralora.GraLoraConfig;
import dev.granula.gralora.LoraConfig;
import dev.granula.gralora.Targets;
import dev.granula.nn.optim.Schedule;
import dev.granula.training.data.Dataset;
import dev.granula.training.data.Example;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class FineTuningTest {
  private static final Dataset DATA =
      new Dataset(
          "train.jsonl",
          List.of(
              new Example.Completion(1, "one and one", " two"),
              new Example.Completion(2, "two and one is", " three of them"),
              new Example.Text(3, "one two three four"),
              new Example.Completion(4, "two and two", " four"),
              new Example.Completion(5, "none", " zero")));

  private static final Method GRALORA =
      new Method.Adapter(
          GraLoraConfig.DEFAULT.withRank(8, 0, 2).withAlpha(16).withTargets(Targets.allLinear()));
  private static final Method LORA =
      new Method.Adapter(LoraConfig.DEFAULT.withTargets(Targets.allLinear()));

  private static final TrainingOptions OPTIONS =
      TrainingOptions.DEFAULT
          .withSteps(5)
          .withBatching(Batching.DEFAULT.withBatchSize(2).withAccumulate(2))
          .withOptimization(new Optimization(1e-2, Schedule.Kind.CONSTANT, 0, 0, 1));

  @TempDir Path folder;
  private Path base;

  @BeforeEach
  void writeBase() throws IOException {
    base = TinyModel.write(folder);
  }

  private static Method method(String name) {
    return switch (name) {
      case "gralora" -> GRALORA;
      case "lora" -> LORA;
      default -> new Method.Full();
    };
  }

  private static List<JsonNode> metrics(Path output) throws IOException {
    return Files.readAllLines(output.resolve("metrics.jsonl")).stream()
        .map(new JsonMapper()::readTree)
        .toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"gralora", "lora", "full"})
  void theLossFallsAndTheResultLoadsAgain(String name) throws IOException {
    LanguageModel model = TinyModel.load(base);
    Path output = folder.resolve(name);
    double before = model.evaluate(DATA).loss();
    TrainingResult result =
        FineTuning.of(model)
            .withMethod(method(name))
            .withOptions(OPTIONS)
            .withEvaluationData(DATA)
            .run(DATA, output);
    double after = model.evaluate(DATA).loss();
    assertTrue(after < before - 0.1, before + " to " + after);
    assertTrue(result.completed());
    assertNotNull(result.evaluation());
    assertEquals(after, result.evaluation().loss(), 1e-6);

    LanguageModel again = TinyModel.load(name.equals("full") ? output : base);
    if (!name.equals("full")) {
      again.loadAdapter(output);
    }
    assertEquals(after, again.evaluate(DATA).loss(), 1e-6);
  }

  @Test
  void metricsHaveExactlyTheirFields() throws IOException {
    Path output = folder.resolve("adapter");
    FineTuning.of(TinyModel.load(base)).withOptions(OPTIONS).run(DATA, output);
    List<JsonNode> lines = metrics(output);
    assertEquals(5, lines.size());
    for (int i = 0; i < lines.size(); i++) {
      JsonNode line = lines.get(i);
      Set<String> expected =
          Set.of(
              "step",
              "loss",
              "learning_rate",
              "grad_norm",
              "tokens",
              "seconds",
              "tokens_per_second",
              "resident_bytes");
      assertEquals(new TreeSet<>(expected), new TreeSet<>(line.propertyNames()));
      assertEquals(i + 1, line.get("step").asInt());
      assertTrue(line.get("grad_norm").asDouble() > 0);
      assertTrue(line.get("resident_bytes").asLong() > 1 << 20);
    }
    long all =
        TinyModel.load(base).encoder().encode(DATA).samples().stream()
            .mapToLong(s -> s.length())
            .sum();
    long five = lines.stream().mapToLong(l -> l.get("tokens").asLong()).sum();
    assertEquals(4 * all, five, "20 samples are 4 epochs of 5");
  }

  @Test
  void theSameSeedGivesTheSameBits() throws IOException {
    Method dropping = new Method.Adapter(GraLoraConfig.DEFAULT.withRank(8, 0, 2).withDropout(0.2));
    List<byte[]> weights = new ArrayList<>();
    for (long seed : new long[] {42, 42, 43}) {
      Path output = folder.resolve("run" + weights.size());
      FineTuning.of(TinyModel.load(base))
          .withMethod(dropping)
          .withOptions(OPTIONS.withSeed(seed))
          .run(DATA, output);
      weights.add(Files.readAllBytes(output.resolve("adapter_model.safetensors")));
    }
    assertArrayEquals(weights.get(0), weights.get(1));
    assertFalse(java.util.Arrays.equals(weights.get(0), weights.get(2)));
  }

  /** Grouping must not matter: 4 samples in one pass, or in four of different target counts. */
  @Test
  void accumulationIsWeightedByTokens() throws IOException {
    List<Double> norms = new ArrayList<>();
    List<Double> losses = new ArrayList<>();
    for (int batchSize : new int[] {4, 2, 1}) {
      Path output = folder.resolve("batch" + batchSize);
      FineTuning.of(TinyModel.load(base))
          .withMethod(GRALORA)
          .withOptions(
              OPTIONS
                  .withSteps(2)
                  .withBatching(
                      Batching.DEFAULT.withBatchSize(batchSize).withAccumulate(4 / batchSize)))
          .run(DATA, output);
      norms.add(metrics(output).getLast().get("grad_norm").asDouble());
      losses.add(metrics(output).getLast().get("loss").asDouble());
    }
    for (int i = 1; i < 3; i++) {
      assertEquals(norms.get(0), norms.get(i), 1e-5 * norms.get(0));
      assertEquals(losses.get(0), losses.get(i), 1e-5 * losses.get(0));
    }
  }

  @Test
  void checkpointingGivesTheSameBits() throws IOException {
    Method dropping = new Method.Adapter(GraLoraConfig.DEFAULT.withRank(8, 0, 2).withDropout(0.2));
    List<byte[]> weights = new ArrayList<>();
    for (boolean checkpointing : new boolean[] {false, true}) {
      Path output = folder.resolve("checkpointing-" + checkpointing);
      FineTuning.of(TinyModel.load(base))
          .withMethod(dropping)
          .withOptions(OPTIONS.withSteps(3).withCheckpointing(checkpointing))
          .run(DATA, output);
      weights.add(Files.readAllBytes(output.resolve("adapter_model.safetensors")));
    }
    assertArrayEquals(weights.get(0), weights.get(1));
  }

  @Test
  void aLossThatIsNotFiniteStopsAndKeepsTheLastGoodAdapter() throws IOException {
    LanguageModel model = TinyModel.load(base);
    Path output = folder.resolve("adapter");
    List<Long> saved = new ArrayList<>();
    TrainingListener breaker =
        new TrainingListener() {
          @Override
          public void onSave(long step, Path directory) {
            saved.add(step);
          }

          @Override
          public void onStep(StepMetrics metrics) {
            if (metrics.step() == 3) {
              var norm = model.network().namedParameters().get("model.norm.weight").data();
              norm.store(0, Double.NaN);
            }
          }
        };
    DivergenceException e =
        assertThrows(
            DivergenceException.class,
            () ->
                FineTuning.of(model)
                    .withMethod(GRALORA)
                    .withOptions(OPTIONS.withSaveEvery(2))
                    .withListener(breaker)
                    .run(DATA, output));
    assertEquals(4, e.step());
    assertTrue(e.getMessage().contains("at step 4 they are NaN"), e.getMessage());
    assertTrue(e.getMessage().contains("began in weight model.norm.weight"), e.getMessage());
    assertEquals(List.of(2L), saved);
    LanguageModel again = TinyModel.load(base);
    again.loadAdapter(output);
    assertTrue(Double.isFinite(again.evaluate(DATA).loss()));
    assertEquals(3, metrics(output).size());
  }

  @Test
  void aFailedSaveDoesNotHideThatTheLossIsNotFinite() {
    LanguageModel model = TinyModel.load(base);
    Path output = folder.resolve("adapter");
    TrainingListener breaker =
        new TrainingListener() {
          @Override
          public void onStep(StepMetrics metrics) {
            overflow(model, "model.norm.weight");
            overflow(model, "lm_head.weight");
            try {
              // What is not empty cannot be replaced by the file.
              Files.createDirectories(output.resolve("adapter_model.safetensors/in-the-way"));
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          }
        };
    FineTuning tuning =
        FineTuning.of(model).withMethod(GRALORA).withOptions(OPTIONS).withListener(breaker);
    DivergenceException e = assertThrows(DivergenceException.class, () -> tuning.run(DATA, output));
    assertTrue(e.weightsAreFinite());
    assertEquals(1, e.getSuppressed().length);
    assertInstanceOf(UncheckedIOException.class, e.getSuppressed()[0]);
  }

  /** Makes weights so large, though finite, that what is computed with them is not. */
  private static void overflow(LanguageModel model, String name) {
    var weights = model.network().namedParameters().get(name).data();
    for (long i = 0; i < weights.elementCount(); i++) {
      weights.store(i, 3e38);
    }
  }

  @Test
  void theOutputMustBeEmpty() throws IOException {
    Path output = Files.createDirectory(folder.resolve("adapter"));
    Files.writeString(output.resolve("notes.txt"), "mine");
    LanguageModel model = TinyModel.load(base);
    assertThrows(TrainingException.class, () -> FineTuning.of(model).run(DATA, output));
    assertTrue(model.adapters().configs().isEmpty());
  }

  @Test
  void aRunEndsWhenItsListenerAsks() throws IOException {
    Path output = folder.resolve("adapter");
    TrainingListener impatient =
        new TrainingListener() {
          @Override
          public boolean isStopRequested() {
            return true;
          }
        };
    TrainingResult result =
        FineTuning.of(TinyModel.load(base))
            .withOptions(OPTIONS)
            .withListener(impatient)
            .run(DATA, output);
    assertFalse(result.completed());
    assertEquals(1, result.last().step());
    assertTrue(Files.exists(output.resolve("adapter_model.safetensors")));
  }
}
