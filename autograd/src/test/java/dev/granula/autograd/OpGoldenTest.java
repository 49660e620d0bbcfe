package dev.granula.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import dev.granula.tensor.safetensors.SafetensorsFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Values and gradients of PyTorch's operations ({@code goldens/data/ops}), on the reference back
 * end in F64 and F32 and on the vector one in F32.
 */
final class OpGoldenTest {
  private static final Path FOLDER = Path.of("../goldens/data/ops");
  private static final CpuDevice REFERENCE = CpuDevice.of("reference", 1, Memory.Debug.POISON);
  private static final CpuDevice SIMD = CpuDevice.of("simd", 2, Memory.Debug.POISON);

  /** Where a case runs; {@code suffix} names the results to compare with. */
  private record Setting(Device device, DType dtype, String suffix, double tolerance) {
    @Override
    public String toString() {
      return "%s %s".formatted(device.backend().name(), dtype);
    }
  }

  /** In F64 the inputs of size 1e4 set the bound: their log-sum-exp is rounded to 1e-12. */
  private static final List<Setting> SETTINGS =
      List.of(
          new Setting(REFERENCE, DType.F64, ".f64", 1e-11),
          new Setting(REFERENCE, DType.F32, "", 2e-6),
          new Setting(SIMD, DType.F32, "", 2e-6));

  /** One case of one file: leaves by name, results by name, and the comparison of both. */
  private static final class Golden {
    private final SafetensorsFile file;
    private final String name;
    private final Setting setting;
    private final Map<String, Variable> leaves = new HashMap<>();

    Golden(SafetensorsFile file, String name, Setting setting) {
      this.file = file;
      this.name = name;
      this.setting = setting;
    }

    Tensor tensor(String what) {
      return file.read(name + "." + what, setting.device);
    }

    Tensor given(String what) {
      return tensor(what).to(setting.dtype);
    }

    Variable leaf(String what) {
      return leaves.computeIfAbsent(what, _ -> Variable.leaf(given(what)));
    }

    /** [B, H, T, D] of PyTorch as [B, T, H, D]. */
    Variable heads(String what) {
      return leaf(what).transpose(1, 2);
    }

    double eps() {
      return name.equals("b") ? 1e-6 : 1e-5;
    }

    /** Compares the value, and goes back with the gradient that PyTorch was given. */
    void compare(String what, Variable result) {
      compare(what, result.data());
      result.backward(given("grad_" + what));
    }

    void compareGradients() {
      assertFalse(leaves.isEmpty());
      leaves.forEach((what, leaf) -> compare("grad_" + what, leaf.grad()));
    }

    private void compare(String what, Tensor found) {
      assertNotNull(found, what);
      Tensor expected = tensor(what + setting.suffix);
      assertEquals(expected.shape(), found.shape(), what);
      double[] a = found.toDoubleArray();
      double[] b = expected.toDoubleArray();
      double difference = 0;
      double size = 0;
      for (int i = 0; i < a.length; i++) {
        assertFalse(Double.isNaN(a[i]), what);
        difference = Math.max(difference, Math.abs(a[i] - b[i]));
        size = Math.max(size, Math.abs(b[i]));
      }
      double error = size == 0 ? difference : difference / size;
      assertTrue(
          error <= setting.tolerance,
          () -> "%s.%s on %s: max|a-b| / max|b| = %.2g".formatted(name, what, setting, error));
    }
  }

  /** What a file's cases compute. */
  private interface Computation {
    void run(Golden golden);
  }

  private static Computation unary(UnaryOperator<Variable> op) {
    return golden -> golden.compare("y", op.apply(golden.leaf("x")));
  }

  private static final Map<String, Computation> COMPUTATIONS =
      Map.of(
          "rms_norm",
          g -> g.compare("y", g.leaf("x").rmsNorm(g.leaf("weight"), g.eps())),
          "layer_norm",
          g -> g.compare("y", g.leaf("x").layerNorm(g.leaf("weight"), g.leaf("bias"), g.eps())),
          "silu",
          unary(Variable::silu),
          "gelu_tanh",
          unary(Variable::geluTanh),
          "gelu_erf",
          unary(Variable::gelu),
          "softmax",
          unary(Variable::softmax),
          "log_softmax",
          unary(Variable::logSoftmax),
          "cross_entropy",
          OpGoldenTest::crossEntropy,
          "rotary",
          OpGoldenTest::rotary,
          "attention",
          OpGoldenTest::attention);

  private static void crossEntropy(Golden golden) {
    Tensor targets = golden.tensor("targets").to(DType.I32);
    Variable logits = golden.leaf("logits");
    boolean sum = golden.name.equals("sum");
    golden.compare("loss", sum ? logits.crossEntropy(targets, 1) : logits.crossEntropy(targets));
  }

  /** The file repeats cos and sin for both halves; positions index its rows, which start at 0. */
  private static void rotary(Golden golden) {
    Tensor cos = golden.given("cos");
    long half = cos.shape().dim(1) / 2;
    Tensor cosHalf = cos.slice(1, 0, half).contiguous();
    Tensor sinHalf = golden.given("sin").slice(1, 0, half).contiguous();
    int[] rows = {0, 1, 2, 3, 4, 0, 1, 2, 3, 4};
    Tensor positions = Tensor.of(golden.setting.device, rows, 2, 5);
    for (String what : List.of("q", "k")) {
      Variable rotated = golden.heads(what).rotary(positions, cosHalf, sinHalf);
      golden.compare(what + "_rotated", rotated.transpose(1, 2));
    }
  }

  private static void attention(Golden golden) {
    Variable q = golden.heads("q");
    Variable k = golden.heads("k");
    Variable v = golden.heads("v");
    double scale = 1 / Math.sqrt((double) q.shape().dim(-1));
    Variable y =
        golden.name.equals("causal_gqa_padded")
            ? padded(q, k, v, scale)
            : q.attention(k, v, null, scale);
    golden.compare("y", y.transpose(1, 2));
  }

  /** The second row has 4 keys; its two queries behind them see these 4 as a last query does. */
  private static Variable padded(Variable q, Variable k, Variable v, double scale) {
    Variable full = first(q, 0, 0, 6).attention(first(k, 0, 0, 6), first(v, 0, 0, 6), null, scale);
    List<Variable> parts = new ArrayList<>();
    Variable keys = first(k, 1, 0, 4);
    Variable values = first(v, 1, 0, 4);
    parts.add(first(q, 1, 0, 4).attention(keys, values, null, scale));
    parts.add(first(q, 1, 4, 5).attention(keys, values, null, scale));
    parts.add(first(q, 1, 5, 6).attention(keys, values, null, scale));
    return Variable.cat(0, full, Variable.cat(1, parts.toArray(Variable[]::new)));
  }

  /** Positions {@code from} to {@code to} of one row of the batch. */
  private static Variable first(Variable x, long row, long from, long to) {
    return x.slice(0, row, row + 1).slice(1, from, to);
  }

  @TestFactory
  Stream<DynamicTest> valuesAndGradientsArePyTorchs() {
    List<DynamicTest> tests = new ArrayList<>();
    for (String operation : new TreeSet<>(COMPUTATIONS.keySet())) {
      for (String name : caseNames(operation)) {
        for (Setting setting : SETTINGS) {
          String title = "%s %s, %s".formatted(operation, name, setting);
          tests.add(DynamicTest.dynamicTest(title, () -> run(operation, name, setting)));
        }
      }
    }
    return tests.stream();
  }

  private static List<String> caseNames(String operation) {
    try (SafetensorsFile file = open(operation)) {
      List<String> names =
          file.entries().keySet().stream()
              .map(tensor -> tensor.substring(0, tensor.indexOf('.')))
              .distinct()
              .sorted()
              .toList();
      assertTrue(names.size() > 1, () -> operation + " has the cases " + names);
      return names;
    }
  }

  private static SafetensorsFile open(String operation) {
    return SafetensorsFile.open(FOLDER.resolve(operation + ".safetensors"));
  }

  private static void run(String operation, String name, Setting setting) {
    try (SafetensorsFile file = open(operation);
        Scope _ = setting.device.memory().step()) {
      Golden golden = new Golden(file, name, setting);
      COMPUTATIONS.get(operation).run(golden);
      golden.compareGradients();
    }
    assertEquals(0, setting.device.memory().stats().usedBytes());
  }

  @AfterAll
  static void close() {
    SIMD.close();
    REFERENCE.close();
  }
}
