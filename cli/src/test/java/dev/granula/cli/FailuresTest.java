package dev.granula.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Exit codes and messages: 1 for a failure, 2 for wrong use, one line each. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FailuresTest {
  private Path folder;
  private Path base;
  private Path data;

  @BeforeAll
  void write(@TempDir Path shared) throws IOException {
    folder = shared;
    base = Cli.writeModel(folder.resolve("base"));
    data = Cli.writeData(folder.resolve("data.jsonl"));
  }

  private Cli train(Path output, String... more) {
    Stream<Object> args = Stream.of("train", "--model", base, "--data", data, "--output", output);
    return Cli.run(Stream.concat(args, Stream.of(more)).toArray());
  }

  private static void assertFails(int exitCode, String message, Cli run) {
    assertEquals(exitCode, run.exitCode(), run::err);
    assertTrue(run.failure().contains(message), run::err);
    assertEquals("", run.out());
    assertFalse(run.err().contains("\tat "), run::err);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --device tpu                 | --device: there is no 'tpu'; available: auto, cpu, cuda
          --rank 33                    | r should be divisible by gralora_k, but got 33 and 2
          --method lora --k 2          | --method lora has no --k
          --method full --targets x    | --method full has no --targets
          --method dora                | expected one of [GRALORA, LORA, FULL] (case-insensitive) but was
          --steps 3 --epochs 3         | --steps and --epochs exclude each other
          --steps 0                    | steps must be at least 1: 0
          --batch-size 0 --accumulate 0| batch size must be at least 1: 0; accumulate must be
          --learning-rate -1           | learning rate must be at least 0
          --dropout x                  | Invalid value for option '--dropout'
          --no-such                    | Unknown option: '--no-such'
          """)
  void wrongUseOfTrain(String options, String message) {
    Path output = folder.resolve("wrong-use");
    assertFails(2, message, train(output, options.strip().split(" ")));
    assertFalse(Files.exists(output));
  }

  @Test
  void wrongUse() {
    assertFails(2, "a command is needed", Cli.run());
    assertFails(2, "Missing required options", Cli.run("merge", "--model", "x"));
    assertFails(
        2,
        "temperature",
        Cli.run("generate", "--model", base, "--prompt", "a", "--temperature", -1));
    assertFails(
        2, "--max-length", Cli.run("eval", "--model", base, "--data", data, "--max-length", 1));
  }

  @Test
  void everyWrongKeyOfAConfigurationIsNamed() throws IOException {
    Path config =
        Files.writeString(
            folder.resolve("wrong.json"),
            "{\"rnk\": 8, \"alpha\": {}, \"checkpointing\": 1, \"config\": \"x\"}");
    Cli run = Cli.run("train", "--config=" + config, "--model", base);
    assertFails(2, "unknown key `rnk`; `alpha` must be", run);
    assertTrue(run.failure().contains("`checkpointing` must be true or false"));
    assertTrue(run.failure().endsWith("unknown key `config`"));
    Files.writeString(config, "{\"rank\": 8, \"rank\": 9}");
    assertFails(2, "not valid JSON", Cli.run("train", "--config", config));
    assertFails(2, "cannot be read", Cli.run("train", "--config", folder.resolve("none")));
  }

  @Test
  void badInputIsOneLineAndLeavesNoOutput() throws IOException {
    Path output = folder.resolve("bad-input");
    Path broken = Files.writeString(folder.resolve("broken.jsonl"), "{\"text\": \"a\"}\n{\"te");
    assertFails(
        1,
        broken + ":2: not valid JSON",
        Cli.run("train", "--model", base, "--data", broken, "--output", output));
    Path none = folder.resolve("none");
    assertFails(
        1, none.toString(), Cli.run("train", "--model", none, "--data", data, "--output", output));
    assertFails(1, "nearest names", train(output, "--targets", "qproj"));
    assertFails(1, "gralora_k", train(output, "--k", "3", "--rank", "9"));
    assertFalse(Files.exists(output));
  }

  @Test
  void everyMissingInputIsNamed() {
    Path output = folder.resolve("missing-input");
    String missing = "--model no-model is not there; --data no-data is not there";
    assertFails(
        1,
        "train: the inputs must exist: " + missing + "; --eval-data no-eval is not there",
        Cli.run(
            "train",
            "--model",
            "no-model",
            "--data",
            "no-data",
            "--eval-data",
            "no-eval",
            "--output",
            output));
    assertFalse(Files.exists(output));
    assertFails(
        1,
        "eval: the inputs must exist: " + missing,
        Cli.run("eval", "--model", "no-model", "--data", "no-data"));
  }

  @Test
  void nothingIsOverwritten() throws IOException {
    Path full = Files.createDirectory(folder.resolve("mine"));
    Files.writeString(full.resolve("notes.txt"), "mine");
    assertFails(1, "must be a new or an empty folder", train(full));
    Cli merge = Cli.run("merge", "--model", base, "--adapter", full, "--output", full);
    assertFails(1, "must be a new or an empty folder", merge);
    assertFails(1, "must be a new or an empty folder", Cli.run("quickstart", "--output", full));
  }

  @Test
  void aFailedMergeLeavesNothing() throws IOException {
    Path parent = Files.createDirectory(folder.resolve("parent"));
    Path noAdapter = Files.createDirectory(folder.resolve("no-adapter"));
    Cli merge =
        Cli.run("merge", "--model", base, "--adapter", noAdapter, "--output", parent.resolve("m"));
    assertFails(1, "adapter_config.json is not there", merge);
    try (Stream<Path> left = Files.list(parent)) {
      assertEquals(0, left.count());
    }
  }

  @Test
  void theStackTraceIsShownOnRequest() {
    Cli run = Cli.run("eval", "--model", folder.resolve("none"), "--data", data, "--stacktrace");
    assertEquals(1, run.exitCode());
    assertTrue(run.err().contains("\tat dev.granula."), run::err);
  }
}
