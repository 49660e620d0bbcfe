package dev.granula.nn.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.nn.Parameter;
import dev.granula.tensor.DType;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import dev.granula.tensor.safetensors.SafetensorsFile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Five steps of PyTorch's optimizers and its clipping ({@code goldens/data/ops}), on the reference
 * back end in F64 and F32 and on the vector one in F32.
 */
final class OptimizerGoldenTest {
  private static final Path FOLDER = Path.of("../goldens/data/ops");
  private static final List<String> NAMES = List.of("w", "b");
  private static final CpuDevice REFERENCE = CpuDevice.of("reference", 1, Memory.Debug.POISON);
  private static final CpuDevice SIMD = CpuDevice.of("simd", 2, Memory.Debug.POISON);

  /** Where a file runs; {@code suffix} names the results to compare with. */
  private record Setting(CpuDevice device, DType dtype, String suffix, double tolerance) {
    @Override
    public String toString() {
      return "%s %s".formatted(device.backend().name(), dtype);
    }
  }

  private static final List<Setting> SETTINGS =
      List.of(
          new Setting(REFERENCE, DType.F64, ".f64", 1e-12),
          new Setting(REFERENCE, DType.F32, "", 1e-6),
          new Setting(SIMD, DType.F32, "", 1e-6));

  @AfterAll
  static void close() {
    REFERENCE.close();
    SIMD.close();
  }

  @TestFactory
  Stream<DynamicTest> stepsAreThoseOfPyTorch() {
    JsonNode optimizers = new JsonMapper().readTree(FOLDER.resolve("optimizers.json"));
    return Stream.of("adamw", "adamw_no_decay", "adamw_clip", "sgd_momentum")
        .flatMap(
            name ->
                SETTINGS.stream()
                    .map(
                        setting ->
                            DynamicTest.dynamicTest(
                                name + " on " + setting,
                                () -> run(name, optimizers.required(name), setting))));
  }

  private static void run(String name, JsonNode config, Setting setting) {
    try (SafetensorsFile file = SafetensorsFile.open(FOLDER.resolve(name + ".safetensors"))) {
      Golden golden = new Golden(file, setting);
      Map<String, Parameter> parameters = new LinkedHashMap<>();
      try (Scope _ = setting.device.memory().step()) {
        NAMES.forEach(
            p -> parameters.put(p, Parameter.adapter(golden.given(p + ".0").persistent())));
      }
      Optimizer optimizer = optimizer(config, parameters);
      for (int step = 1; step <= config.required("steps").intValue(); step++) {
        try (Scope _ = setting.device.memory().step()) {
          step(golden, config, parameters, optimizer, step);
        }
      }
      assertEquals(5, optimizer.steps());
      compareState(golden, optimizer);
    }
  }

  private static Optimizer optimizer(JsonNode config, Map<String, Parameter> parameters) {
    double decay = config.required("weight_decay").doubleValue();
    if (config.has("momentum")) {
      return new Sgd(parameters, config.required("momentum").doubleValue(), decay);
    }
    JsonNode betas = config.required("betas");
    return new AdamW(
        parameters,
        new AdamW.Settings(
            betas.required(0).doubleValue(),
            betas.required(1).doubleValue(),
            config.required("eps").doubleValue(),
            decay));
  }

  private static void step(
      Golden golden,
      JsonNode config,
      Map<String, Parameter> parameters,
      Optimizer optimizer,
      int step) {
    parameters.forEach(
        (p, parameter) ->
            parameter.variable().backward(golden.given("grad_%s.%d".formatted(p, step))));
    double maxNorm = config.required("max_norm").doubleValue(0);
    Clipping clipping = Clipping.of(parameters.values(), maxNorm);
    if (maxNorm > 0) {
      golden.compare("norm." + step, clipping.norm().toDoubleArray(), Shape.scalar());
      parameters.forEach(
          (p, parameter) -> golden.compareClipped(p, step, parameter.grad(), clipping.factor()));
    }
    optimizer.step(config.required("lr").doubleValue(), clipping.factor());
    optimizer.zeroGrad();
    parameters.forEach((p, parameter) -> golden.compare(p + "." + step, parameter.data()));
  }

  /** PyTorch's state {@code exp_avg} of w is {@code exp_avg_w} in the file, here w.exp_avg. */
  private static void compareState(Golden golden, Optimizer optimizer) {
    int moments = optimizer instanceof Sgd ? 1 : 2;
    assertEquals(moments * NAMES.size(), optimizer.state().size());
    optimizer
        .state()
        .forEach(
            (path, tensor) -> {
              String[] names = path.split("\\.");
              golden.compare(names[1] + "_" + names[0], tensor);
            });
  }

  /** The tensors of one file, and the comparison with them. */
  private record Golden(SafetensorsFile file, Setting setting) {
    Tensor given(String name) {
      return file.read(name, setting.device).to(setting.dtype);
    }

    void compare(String name, Tensor found) {
      assertEquals(setting.dtype, found.dtype(), name);
      compare(name, found.toDoubleArray(), found.shape());
    }

    void compareClipped(String parameter, int step, Tensor gradient, Tensor factor) {
      double[] clipped = gradient.toDoubleArray();
      for (int i = 0; i < clipped.length; i++) {
        clipped[i] *= factor.item();
      }
      compare("clipped_%s.%d".formatted(parameter, step), clipped, gradient.shape());
    }

    /** By max|a - b| / max|b|. */
    void compare(String name, double[] found, Shape shape) {
      Tensor golden = file.read(name + setting.suffix, setting.device);
      assertEquals(golden.shape(), shape, name);
      double[] expected = golden.toDoubleArray();
      double difference = 0;
      double size = 0;
      for (int i = 0; i < expected.length; i++) {
        assertTrue(Double.isFinite(found[i]), name);
        difference = Math.max(difference, Math.abs(found[i] - expected[i]));
        size = Math.max(size, Math.abs(expected[i]));
      }
      double error = difference / size;
      assertTrue(
          error <= setting.tolerance,
          () -> "%s on %s: max|a-b| / max|b| = %.2g".formatted(name, setting, error));
    }
  }
}
