package dev.granula.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Every command from end to end on a tiny random model. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CommandsTest {
  private Path folder;
  private Path base;
  private Path data;

  @BeforeAll
  void write(@TempDir Path shared) throws IOException {
    folder = shared;
    base = Cli.writeModel(folder.resolve("base"));
    data = Cli.writeData(folder.resolve("data.jsonl"));
  }

  private Cli train(Path output, Object... more) {
    List<Object> args =
        List.of(
            "train",
            "--model",
            base,
            "--data",
            data,
            "--output",
            output,
            "--steps",
            5,
            "--learning-rate",
            "1e-2",
            "--schedule",
            "constant",
            "--warmup",
            0);
    return Cli.run(Stream.concat(args.stream(), Stream.of(more)).toArray());
  }

  private double loss(Object... args) {
    Object[] all =
        Stream.concat(Stream.of("eval", "--data", data, "--json"), Stream.of(args)).toArray();
    Cli eval = Cli.run(all);
    assertEquals(0, eval.exitCode(), eval::err);
    JsonNode json = new JsonMapper().readTree(eval.out());
    assertEquals(List.of("loss", "perplexity", "tokens"), List.copyOf(json.propertyNames()));
    assertEquals(Math.exp(json.get("loss").asDouble()), json.get("perplexity").asDouble(), 1e-9);
    return json.get("loss").asDouble();
  }

  @ParameterizedTest
  @ValueSource(strings = {"gralora", "lora"})
  void trainsEvaluatesGeneratesAndMerges(String method) throws IOException {
    Path adapter = folder.resolve(method);
    Path merged = folder.resolve(method + "-merged");
    Cli train = train(adapter, "--method", method, "--rank", 8, "--targets", "all-linear");
    assertEquals(0, train.exitCode(), train::err);
    assertEquals("", train.out());
    assertTrue(train.err().contains("effective scale alpha/(r+h) = 8.0"), train::err);
    assertTrue(train.err().contains("7,424 of 69,152 parameters are trained"), train::err);
    assertEquals(5, Files.readAllLines(adapter.resolve("metrics.jsonl")).size());

    double tuned = loss("--model", base, "--adapter", adapter);
    assertTrue(tuned < loss("--model", base) - 0.2);

    Cli merge = Cli.run("merge", "--model", base, "--adapter", adapter, "--output", merged);
    assertEquals(0, merge.exitCode(), merge::err);
    assertEquals(tuned, loss("--model", merged), 1e-5);

    Object[] prompt = {"--prompt", "one and one", "--max-new-tokens", 4};
    Cli adapted =
        Cli.run(
            Stream.concat(
                    Stream.of("generate", "--model", base, "--adapter", adapter), Stream.of(prompt))
                .toArray());
    Cli plain =
        Cli.run(
            Stream.concat(Stream.of("generate", "--model", merged), Stream.of(prompt)).toArray());
    assertEquals(0, adapted.exitCode(), adapted::err);
    assertEquals(adapted.out(), plain.out());
    assertTrue(adapted.out().endsWith(System.lineSeparator()));
  }

  @Test
  void fullFineTuningWritesAModelDirectory() {
    Path output = folder.resolve("full");
    Cli train = train(output, "--method", "full", "--eval-data", data, "--eval-every", 2);
    assertEquals(0, train.exitCode(), train::err);
    assertTrue(train.err().contains("step 4, evaluation: loss"), train::err);
    assertTrue(loss("--model", output) < loss("--model", base) - 0.2);
  }

  @Test
  void optionsComeFromAFileAndTheCommandLineOverridesThem() throws IOException {
    Path config =
        Files.writeString(
            folder.resolve("config.json"),
            """
            {"model": "%s", "data": "%s", "rank": 4, "targets": ["q_proj", "k_proj"],
             "epochs": 100, "checkpointing": true, "learning-rate": 0.001}\
            """
                .formatted(base, data));
    Path output = folder.resolve("configured");
    Cli train = Cli.run("train", "--config", config, "--output", output, "--rank", 8, "--steps", 2);
    assertEquals(0, train.exitCode(), train::err);
    JsonNode adapter = new JsonMapper().readTree(output.resolve("adapter_config.json").toFile());
    assertEquals(8, adapter.get("r").asInt());
    assertEquals(2, adapter.get("target_modules").size());
    assertEquals(2, Files.readAllLines(output.resolve("metrics.jsonl")).size());
  }

  @Test
  void optionsComeFromAFileAlsoBehindGlobalOptions() throws IOException {
    Path config =
        Files.writeString(
            folder.resolve("steps.json"),
            "{\"model\": \"%s\", \"data\": \"%s\", \"steps\": 2}".formatted(base, data));
    Path output = folder.resolve("behind-global");
    Cli train = Cli.run("--stacktrace", "train", "--config", config, "--output", output);
    assertEquals(0, train.exitCode(), train::err);
    assertEquals(2, Files.readAllLines(output.resolve("metrics.jsonl")).size());
  }

  @Test
  void whatIsCutOrSkippedIsSaid() throws IOException {
    Path longer =
        Files.writeString(
            folder.resolve("longer.jsonl"),
            """
            {"text": "one two three four five six seven eight nine ten"}
            {"prompt": "one two three four five six seven eight", "completion": " nine"}
            {"text": "one"}
            """);
    String line = longer + ": of 3 samples 2 cut to --max-length, 1 skipped, without a target";
    Cli eval =
        Cli.run("eval", "--device", "cpu", "--model", base, "--data", longer, "--max-length", 6);
    assertEquals(List.of(line), eval.err().lines().toList());
    Cli train = train(folder.resolve("cut"), "--eval-data", longer, "--max-length", 6);
    assertEquals(1, train.err().lines().filter(line::equals).count(), train::err);
  }

  @Test
  void envSaysWhatRunsHere() {
    Cli env = Cli.run("env", "--json");
    assertEquals(0, env.exitCode());
    JsonNode json = new JsonMapper().readTree(env.out());
    assertTrue(json.get("jdk").asString().startsWith(Runtime.version().toString()));
    assertTrue(json.get("vector_bits").asInt() >= 128);
    assertTrue(json.get("backends").get(0).get("chosen").asBoolean());
    assertEquals("cuda", json.get("devices").get(0).get("kind").asString());
    assertTrue(json.get("devices").get(0).has("driver"));
    assertTrue(json.get("devices").get(1).get("available").asBoolean());
    assertTrue(Cli.run("env").out().contains("device          cuda: "));
  }

  @Test
  void autoSaysInOneLineWhatItChose() {
    Cli eval = Cli.run("eval", "--model", base, "--data", data);
    assertEquals(1, eval.err().lines().filter(l -> l.startsWith("device ")).count(), eval::err);
  }
}
