package dev.granula.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Devices;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Where nvcc is installed, every kernel file compiles for real architectures, within the shared
 * memory that a block has, and keeps its arrays in registers: a stack frame beyond a few spilled
 * registers means that each thread copies arrays, or its parameters, to memory.
 */
final class KernelCompilationTest {
  private static final Path SOURCES = Path.of("src", "main", "cuda");
  private static final String[] ALL = {"75", "80", "90"};
  private static final String[] WITH_TENSOR_CORES = {"80", "90"};
  private static final Pattern FRAME = Pattern.compile("([0-9]+) bytes stack frame");

  /** Less than a {@code struct View}, the smallest thing that would be copied. */
  private static final int LARGEST_FRAME = 14 * Long.BYTES - 1;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "adamw",
        "indexing",
        "norms",
        "random",
        "reductions",
        "rotary",
        "softmax",
        "split"
      })
  void compilesForRealArchitectures(String name) throws Exception {
    List<String> definitions =
        List.of("REAL=float", "TABLE=bf16", "HELD=4", Access.macro(Access.PACK));
    compile(name, read(name + ".cu"), definitions, ALL);
  }

  /** Other widths, what a thread holds, and types than the usual. */
  @ParameterizedTest
  @CsvSource({
    "norms, float, 0, 4",
    "norms, double, 1, 1",
    "softmax, double, 0, 1",
    "split, float, 0, 1",
    "reductions, double, 0, 1"
  })
  void variantsCompile(String name, String real, int held, int width) throws Exception {
    List<String> definitions = List.of("REAL=" + real, "HELD=" + held, Access.macro(width));
    compile(name, read(name + ".cu"), definitions, new String[] {"90"});
  }

  @ParameterizedTest
  @CsvSource({"64, HIGH", "64, HIGHEST", "96, HIGHEST", "128, HIGH", "128, HIGHEST"})
  void attentionOnTensorCoresCompiles(long size, Precision precision) throws Exception {
    compileAttention(DType.F32, size, WITH_TENSOR_CORES, precision, "attention_mma");
  }

  /** Sizes at which forward and backward have room for different tiles. */
  @ParameterizedTest
  @CsvSource({"F32, 80", "F32, 128", "F32, 256", "F64, 64"})
  void attentionByTilesCompiles(DType dtype, long size) throws Exception {
    compileAttention(dtype, size, new String[] {"75"}, Precision.HIGHEST, "attention_tiles");
  }

  private void compileAttention(
      DType dtype, long size, String[] architectures, Precision precision, String file)
      throws Exception {
    Gpu gpu = new Gpu(0, 0, "", Integer.parseInt(architectures[0]), 232_448, 0);
    try (Device cpu = Devices.open("cpu");
        Scope _ = cpu.memory().scratch()) {
      Tensor q = Tensor.empty(cpu, dtype, Shape.of(1, 1, 1, size));
      for (AttentionPlan.Pass pass : AttentionPlan.Pass.values()) {
        AttentionPlan plan = AttentionPlan.of(pass, gpu, precision, q);
        assertTrue(plan.file().startsWith(file), plan.file());
        List<String> definitions = new ArrayList<>(List.of(plan.definitions()));
        definitions.add("REAL=" + SourceTypes.name(dtype));
        compile(file, read(plan.file()), definitions, architectures);
      }
    }
  }

  /** Every primitive and every type of an operand, as the back end prints them. */
  @ParameterizedTest
  @EnumSource(Access.class)
  void printedExpressionsCompileForRealArchitectures(Access access) throws Exception {
    Expression e = Expression.input(0);
    for (Expression.Function function : Expression.Function.values()) {
      e = new Expression.Unary(function, e);
    }
    for (Expression.Operator operator : Expression.Operator.values()) {
      e = new Expression.Binary(operator, e, Expression.scalar(0));
    }
    for (double constant : new double[] {0.5, Double.NEGATIVE_INFINITY, Double.NaN}) {
      e = new Expression.Binary(Expression.Operator.ADD, e, Expression.constant(constant));
    }
    List<DType> types = List.of(DType.values());
    for (int i = 0; i < types.size(); i++) {
      e = new Expression.SelectLess(e, Expression.input(i), e, Expression.input(i));
    }
    List<Access> all = new ArrayList<>(Collections.nCopies(types.size() + 1, access));
    all.set(0, access == Access.SPREAD ? Access.PACKED : access);
    String source = PointwiseSource.evaluate(e, types, 1, DType.BF16, Write.ADD, all);
    compile("printed", source, List.of("REAL=float"), ALL);
    String copy = PointwiseSource.copyBits(DType.BF16, all.subList(0, 2));
    compile("copy", copy, List.of("REAL=float"), new String[] {"90"});
  }

  private void compile(
      String name, String kernels, List<String> definitions, String[] architectures)
      throws Exception {
    assumeTrue(isInstalled(), "nvcc is not on the PATH: kernels were not compiled for a GPU");
    Path source = folder.resolve(name + ".cu");
    Files.writeString(source, read("common.cuh") + kernels);
    List<String> command =
        new ArrayList<>(List.of("nvcc", "--threads=0", "-fatbin", "-Xptxas", "-v"));
    command.addAll(List.of("-Werror", "all-warnings", "-I", SOURCES.toString()));
    definitions.forEach(definition -> command.add("-D" + definition));
    for (String sm : architectures) {
      command.add("-gencode=arch=compute_%s,code=sm_%s".formatted(sm, sm));
    }
    command.addAll(List.of("-o", folder.resolve("out").toString(), source.toString()));
    Process nvcc = new ProcessBuilder(command).redirectErrorStream(true).start();
    String log = new String(nvcc.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, nvcc.waitFor(), log);
    List<Integer> frames =
        FRAME.matcher(log).results().map(frame -> Integer.valueOf(frame.group(1))).toList();
    assertFalse(frames.isEmpty(), log);
    assertTrue(Collections.max(frames) <= LARGEST_FRAME, log);
  }

  private static String read(String file) throws IOException {
    return Files.readString(SOURCES.resolve(file));
  }

  private static boolean isInstalled() {
    return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(entry -> Files.isExecutable(Path.of(entry, "nvcc")));
  }
}
