package dev.granula.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/**
 * The command with {@code --device cuda} in a JVM of its own, on the stand-in driver of
 * cuda-bindings, which is no GPU: what is asked for is done or refused, never replaced.
 */
@EnabledIf(
    value = "compilerIsThere",
    disabledReason = "g++ is not on the PATH: --device cuda is not tested")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CudaCommandTest {
  private static final Path SOURCES = Path.of("../cuda-bindings/src/test/cpp");

  private Path folder;
  private Path base;
  private Path data;
  private Path driver;

  static boolean compilerIsThere() {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
        .anyMatch(entry -> Files.isExecutable(Path.of(entry, "g++")));
  }

  @BeforeAll
  void build(@TempDir Path shared) throws Exception {
    folder = shared;
    base = Cli.writeModel(folder.resolve("base"));
    data = Cli.writeData(folder.resolve("data.jsonl"));
    driver = folder.resolve("libstandin.so");
    String script = SOURCES.resolve("build.sh").toString();
    Process build = new ProcessBuilder("sh", script, driver.toString()).inheritIO().start();
    assertEquals(0, build.waitFor());
  }

  private static String log(Process process) throws IOException {
    return new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  /** Runs the command with the libraries and settings of {@code environment} over the usual. */
  private Cli run(Map<String, String> environment, Object... args) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "--enable-native-access=dev.granula.cuda",
                "-Dgranula.cuda.cache=" + Path.of("target/standin/cache").toAbsolutePath(),
                "-p",
                System.getProperty("jdk.module.path"),
                "-m",
                "dev.granula.cli/dev.granula.cli.Main"));
    Stream.of(args).map(String::valueOf).forEach(command::add);
    ProcessBuilder builder = new ProcessBuilder(command);
    for (String library : List.of("DRIVER", "CUBLAS", "NVRTC")) {
      builder.environment().put("GRANULA_CUDA_" + library, driver.toString());
    }
    builder.environment().putAll(environment);
    Path out = Files.createTempFile(folder, "out", null);
    Process process = builder.redirectOutput(out.toFile()).start();
    String err = log(process);
    return new Cli(process.waitFor(), Files.readString(out), err);
  }

  private Cli train(String standIn, String device, Path output, Object... more) throws Exception {
    Stream<Object> args =
        Stream.of("train", "--model", base, "--data", data, "--output", output, "--steps", 5);
    Stream<Object> rest = Stream.concat(Stream.of("--device", device), Stream.of(more));
    return run(Map.of("GRANULA_STANDIN", standIn), Stream.concat(args, rest).toArray());
  }

  private static double[] losses(Path output) throws IOException {
    JsonMapper mapper = new JsonMapper();
    return Files.readAllLines(output.resolve("metrics.jsonl")).stream()
        .mapToDouble(line -> mapper.readTree(line).get("loss").asDouble())
        .toArray();
  }

  private static void assertFails(String message, Cli run) {
    assertEquals(1, run.exitCode(), run::err);
    assertTrue(run.failure().contains(message), run::err);
    assertFalse(run.err().contains("\tat "), run::err);
  }

  @Test
  void trainsAsOnTheProcessor() throws Exception {
    Path there = folder.resolve("there");
    Path here = folder.resolve("here");
    Cli cuda = train("devices=2", "cuda:1", there);
    assertEquals(0, cuda.exitCode(), cuda::err);
    assertEquals(0, train("", "cpu", here).exitCode());
    assertEquals(5, losses(there).length);
    assertArrayEquals(losses(here), losses(there), 1e-3);
    Cli eval = run(Map.of(), "eval", "--model", base, "--adapter", there, "--data", data);
    assertEquals(0, eval.exitCode(), eval::err);
    assertTrue(
        eval.err().contains("device cuda: stand-in, no GPU, driver for CUDA 13.0"), eval::err);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          devices=0         | cuda   | no NVIDIA GPU is visible; check nvidia-smi
          devices=2         | cuda:2 | there is no device 2; 2 are visible
          driver=11040      | cuda   | made for CUDA 11.4 and at least 11.8 is needed; update
          driver=12040      | cuda   | the driver is older than the library: cuBLAS 13.0
          driver=12040,cublas=12 | cuda | the driver is older than the library: NVRTC 13.0
          capability=61     | cuda   | unsupported architecture: cuda:0 (stand-in, no GPU, compute
          capability=121    | cuda   | NVRTC 13.0 makes code for [75, 80, 90] only; install
          limit=5000000     | cuda   | is out of memory: asked for
          cuDriverGetVersion=0:34 | cuda | is the toolkit's stub; install the NVIDIA driver
          cuDevicePrimaryCtxRetain=0:803 | cuda | restart the machine after an update
          cublasCreate_v2=0:1 | cuda | cublasCreate
          cuMemcpyHtoDAsync_v2=0:700 | cuda | the device is lost to this process
          """)
  void refusesAndSaysWhatToDo(String standIn, String device, String message) throws Exception {
    Path output = folder.resolve("refused");
    assertFails(message, train(standIn, device, output));
    assertFalse(Files.exists(output.resolve("adapter_model.safetensors")));
    deleteIfEmpty(output);
  }

  private static void deleteIfEmpty(Path output) throws IOException {
    Files.deleteIfExists(output.resolve("metrics.jsonl"));
    Files.deleteIfExists(output);
  }

  /** In a kernel of a step, and while weights are read to be saved. */
  @ParameterizedTest
  @CsvSource({"cuLaunchKernel, 200, 719", "cuMemcpyDtoHAsync_v2, 33, 719"})
  void aDeviceLostInMidRunLeavesTheLastAdapter(String function, int call, int code)
      throws Exception {
    Path cut = folder.resolve("cut-" + function);
    String fault = "%s=%d:%d".formatted(function, call, code);
    Cli lost = train(fault, "cuda", cut, "--save-every", 1);
    assertFails("CUDA_ERROR_LAUNCH_FAILED", lost);
    int steps = losses(cut).length;
    assertTrue(steps >= 1 && steps < 5, "steps " + steps);
    Object[] args = {"eval", "--model", base, "--adapter", cut, "--data", data, "--device", "cpu"};
    Cli eval = run(Map.of(), args);
    assertEquals(0, eval.exitCode(), eval::err);
  }

  @Test
  void namesALibraryThatIsMissingOrLacksFunctions() throws Exception {
    Object[] args = {"eval", "--model", base, "--data", data, "--device", "cuda"};
    Cli missing = run(Map.of("GRANULA_CUDA_CUBLAS", "/nowhere/libcublas.so.13"), args);
    assertFails("unavailable: cuBLAS (not found)", missing);
    assertFails("/nowhere/libcublas.so.13", missing);
    Path empty = folder.resolve("libempty.so");
    Process build =
        new ProcessBuilder("g++", "-shared", "-x", "c++", "/dev/null", "-o", empty.toString())
            .inheritIO()
            .start();
    assertEquals(0, build.waitFor());
    String name = empty.toString();
    Cli lacking =
        run(
            Map.of(
                "GRANULA_CUDA_DRIVER",
                name,
                "GRANULA_CUDA_CUBLAS",
                name,
                "GRANULA_CUDA_NVRTC",
                name),
            args);
    assertFails("the NVIDIA driver (unusable)", lacking);
    assertFails("cuLaunchKernel", lacking);
  }

  @Test
  void autoTakesTheProcessorAndSaysWhy() throws Exception {
    Object[] args = {"eval", "--model", base, "--data", data};
    Cli eval = run(Map.of("GRANULA_STANDIN", "devices=0"), args);
    assertEquals(0, eval.exitCode(), eval::err);
    assertTrue(eval.err().contains("device cpu: "), eval::err);
    assertTrue(eval.err().contains("no NVIDIA GPU is visible"), eval::err);
  }

  @Test
  void envListsDevicesLibrariesAndFiles() throws Exception {
    String out = run(Map.of("GRANULA_STANDIN", "devices=2"), "env").out();
    for (String fact :
        List.of(
            "cuda: available: stand-in, no GPU",
            "driver        " + driver + ", made for CUDA 13.0",
            "cublas        " + driver + ", version 13.0",
            "nvrtc         " + driver + ", version 13.0",
            "cuda:1        stand-in, no GPU, compute capability 9.0, 1.0 GiB")) {
      assertTrue(out.contains(fact), out);
    }
  }
}
