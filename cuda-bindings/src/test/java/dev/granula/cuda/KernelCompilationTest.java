package dev.granula.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where nvcc is installed, every kernel file compiles for real architectures. */
final class KernelCompilationTest {
  private static final Path SOURCES = Path.of("src", "main", "cuda");

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "adamw",
        "attention",
        "indexing",
        "norms",
        "random",
        "reductions",
        "rotary",
        "softmax",
        "split"
      })
  void compilesForRealArchitectures(String name) throws Exception {
    compile(name, read(name + ".cu"));
  }

  /** Every primitive and every type of an operand, as the back end prints them. */
  @Test
  void printedExpressionsCompileForRealArchitectures() throws Exception {
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
    compile("printed", PointwiseSource.evaluate(e, types, 1, DType.BF16, Write.ADD));
  }

  private void compile(String name, String kernels) throws Exception {
    assumeTrue(isInstalled(), "nvcc is not on the PATH: kernels were not compiled for a GPU");
    Path source = folder.resolve(name + ".cu");
    Files.writeString(source, read("common.cuh") + kernels);
    List<String> command = new ArrayList<>(List.of("nvcc", "-fatbin", "-DREAL=float"));
    command.addAll(List.of("-DTABLE=bf16", "-DHEAD=64", "-DTILE=32", "-Werror", "all-warnings"));
    for (String sm : new String[] {"75", "80", "90"}) {
      command.add("-gencode=arch=compute_%s,code=sm_%s".formatted(sm, sm));
    }
    command.addAll(List.of("-o", folder.resolve("out").toString(), source.toString()));
    Process nvcc = new ProcessBuilder(command).redirectErrorStream(true).start();
    String log = new String(nvcc.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, nvcc.waitFor(), log);
  }

  private static String read(String file) throws IOException {
    return Files.readString(SOURCES.resolve(file));
  }

  private static boolean isInstalled() {
    return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(entry -> Files.isExecutable(Path.of(entry, "nvcc")));
  }
}
