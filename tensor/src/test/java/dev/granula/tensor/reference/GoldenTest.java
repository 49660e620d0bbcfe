package dev.granula.tensor.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.Backend;
import dev.granula.tensor.Backend.AdamWStep;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.cpu.CpuDevice;
import dev.granula.tensor.safetensors.SafetensorsFile;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The reference kernels in F64 against PyTorch in F64, on the files that {@code goldens/README.md}
 * describes. Outputs begin as NaN, so that a kernel that reads them is found.
 */
final class GoldenTest {
  /** As max|a - b| / max|b|: both sides compute in F64, in different orders. */
  private static final double TOLERANCE = 1e-13;

  private static final Device DEVICE = CpuDevice.reference();
  private static final Backend KERNELS = DEVICE.backend();

  /** The tensors of one case of one operation. */
  private record Golden(SafetensorsFile file, String prefix) implements AutoCloseable {
    static Golden open(String operation, String name) {
      return new Golden(
          SafetensorsFile.open(Path.of("..", "goldens", "data", "ops", operation + ".safetensors")),
          name.isEmpty() ? "" : name + ".");
    }

    Tensor input(String name) {
      return file.read(prefix + name, DEVICE).to(DType.F64);
    }

    Tensor indices(String name) {
      return file.read(prefix + name, DEVICE).to(DType.I32);
    }

    void check(String name, Tensor actual) {
      double[] expected = input(name + ".f64").toDoubleArray();
      double[] values = actual.toDoubleArray();
      assertEquals(expected.length, values.length);
      double largest = 0;
      double difference = 0;
      for (int i = 0; i < expected.length; i++) {
        double d = Math.abs(values[i] - expected[i]);
        difference = d <= difference ? difference : Double.isNaN(d) ? Double.MAX_VALUE : d;
        largest = Math.max(largest, Math.abs(expected[i]));
      }
      assertTrue(difference <= TOLERANCE * largest, name + ": " + difference / largest);
    }

    @Override
    public void close() {
      file.close();
    }
  }

  private static Tensor like(Tensor tensor) {
    return Tensor.full(DEVICE, DType.F64, tensor.shape(), Double.NaN);
  }

  private static Tensor undefined(Shape shape) {
    return Tensor.full(DEVICE, DType.F64, shape, Double.NaN);
  }

  @ParameterizedTest
  @CsvSource({"a, 1e-5", "b, 1e-6", "small, 1e-5"})
  void rmsNorm(String name, double eps) {
    try (Golden golden = Golden.open("rms_norm", name)) {
      Tensor x = golden.input("x");
      Tensor weight = golden.input("weight");
      Tensor y = like(x);
      Tensor inverse = undefined(x.shape().slice(0, x.shape().rank() - 1));
      KERNELS.rmsNorm(x, weight, eps, y, inverse);
      golden.check("y", y);
      Tensor dx = like(x);
      Tensor dWeight = like(weight);
      Tensor g = golden.input("grad_y");
      KERNELS.rmsNormGrad(x, weight, inverse, g, dx, Write.SET, dWeight, Write.SET);
      golden.check("grad_x", dx);
      golden.check("grad_weight", dWeight);
    }
  }

  @ParameterizedTest
  @CsvSource({"a, 1e-5", "b, 1e-6", "small, 1e-5"})
  void layerNorm(String name, double eps) {
    try (Golden golden = Golden.open("layer_norm", name)) {
      Tensor x = golden.input("x");
      Tensor weight = golden.input("weight");
      Tensor bias = golden.input("bias");
      Tensor y = like(x);
      Tensor mean = undefined(x.shape().slice(0, x.shape().rank() - 1));
      Tensor inverse = like(mean);
      KERNELS.layerNorm(x, weight, bias, eps, y, mean, inverse);
      golden.check("y", y);
      Tensor dx = like(x);
      Tensor dWeight = like(weight);
      Tensor dBias = like(bias);
      Write set = Write.SET;
      Tensor g = golden.input("grad_y");
      KERNELS.layerNormGrad(x, weight, mean, inverse, g, dx, set, dWeight, set, dBias, set);
      golden.check("grad_x", dx);
      golden.check("grad_weight", dWeight);
      golden.check("grad_bias", dBias);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "large", "shifted"})
  void softmax(String name) {
    try (Golden golden = Golden.open("softmax", name)) {
      Tensor x = golden.input("x");
      Tensor y = like(x);
      KERNELS.softmax(x, y);
      golden.check("y", y);
      Tensor dx = like(x);
      KERNELS.softmaxGrad(y, golden.input("grad_y"), dx, Write.SET);
      golden.check("grad_x", dx);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "large", "shifted"})
  void logSoftmax(String name) {
    try (Golden golden = Golden.open("log_softmax", name)) {
      Tensor x = golden.input("x");
      Tensor y = like(x);
      KERNELS.logSoftmax(x, y);
      golden.check("y", y);
      Tensor dx = like(x);
      KERNELS.logSoftmaxGrad(y, golden.input("grad_y"), dx, Write.SET);
      golden.check("grad_x", dx);
    }
  }

  /** The files keep both halves of cos and sin, which are equal, and heads before positions. */
  @ParameterizedTest
  @ValueSource(strings = {"default", "head_dim_6", "llama3", "llama3_offset"})
  void rotary(String name) {
    try (Golden golden = Golden.open("rotary", name)) {
      Tensor cos = golden.input("cos");
      long half = cos.shape().dim(1) / 2;
      Tensor positions = Tensor.of(DEVICE, new int[] {0, 1, 2, 3, 4}, 1, 5);
      Tensor rows = positions.expand(Shape.of(2, 5));
      for (String operand : new String[] {"q", "k"}) {
        for (boolean inverse : new boolean[] {false, true}) {
          String rotated = operand + "_rotated";
          Tensor x = golden.input(inverse ? "grad_" + rotated : operand);
          Tensor y = like(x);
          KERNELS.rotary(
              x.transpose(1, 2),
              rows,
              cos.slice(1, 0, half),
              golden.input("sin").slice(1, 0, half),
              inverse,
              y.transpose(1, 2),
              Write.SET);
          golden.check(inverse ? "grad_" + operand : rotated, y);
        }
      }
    }
  }

  /** The case with padding on the right has no like here: a key is bounded below only. */
  @ParameterizedTest
  @ValueSource(strings = {"causal", "causal_gqa", "causal_mqa_odd", "decode"})
  void attention(String name) {
    try (Golden golden = Golden.open("attention", name)) {
      Tensor q = golden.input("q");
      Tensor k = golden.input("k");
      Tensor v = golden.input("v");
      Tensor y = like(q);
      Tensor lse = undefined(q.shape().slice(0, 3));
      double scale = 1 / Math.sqrt(q.shape().dim(3));
      KERNELS.attention(swap(q), swap(k), swap(v), null, scale, swap(y), lse);
      golden.check("y", y);
      Tensor dq = like(q);
      Tensor dk = like(k);
      Tensor dv = like(v);
      KERNELS.attentionGrad(
          swap(q),
          swap(k),
          swap(v),
          null,
          scale,
          swap(y),
          lse,
          swap(golden.input("grad_y")),
          swap(dq),
          Write.SET,
          swap(dk),
          Write.SET,
          swap(dv),
          Write.SET);
      golden.check("grad_q", dq);
      golden.check("grad_k", dk);
      golden.check("grad_v", dv);
    }
  }

  private static Tensor swap(Tensor heads) {
    return heads.transpose(1, 2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"mean", "sum", "large", "scaled"})
  void crossEntropy(String name) {
    try (Golden golden = Golden.open("cross_entropy", name)) {
      Tensor logits = golden.input("logits");
      Tensor targets = golden.indices("targets");
      long counted = 0;
      for (long target : targets.toLongArray()) {
        counted += target >= 0 ? 1 : 0;
      }
      double scale = name.equals("sum") ? 1 : 1.0 / counted;
      Tensor loss = undefined(Shape.scalar());
      Tensor lse = undefined(targets.shape());
      KERNELS.crossEntropy(logits, targets, scale, loss, lse);
      golden.check("loss", loss);
      Tensor dLogits = like(logits);
      Tensor g = golden.input("grad_loss");
      KERNELS.crossEntropyGrad(logits, targets, lse, scale, g, dLogits, Write.SET);
      golden.check("grad_logits", dLogits);
    }
  }

  /** Five steps; with clipping the factor comes from the norm kernel as torch forms it. */
  @ParameterizedTest
  @CsvSource({"adamw, 0.1, Infinity", "adamw_no_decay, 0, Infinity", "adamw_clip, 0.1, 3"})
  void adamW(String name, double weightDecay, double maxNorm) {
    try (Golden golden = Golden.open(name, "")) {
      List<Tensor> parameters = List.of(golden.input("w.0"), golden.input("b.0"));
      List<Tensor> first = parameters.stream().map(GoldenTest::zerosLike).toList();
      List<Tensor> second = parameters.stream().map(GoldenTest::zerosLike).toList();
      Tensor norm = undefined(Shape.scalar());
      for (int step = 1; step <= 5; step++) {
        List<Tensor> gradients =
            List.of(golden.input("grad_w." + step), golden.input("grad_b." + step));
        KERNELS.norm(gradients, norm);
        double factor = Math.min(1, maxNorm / (norm.item() + 1e-6));
        Tensor scale = Tensor.full(DEVICE, DType.F64, Shape.scalar(), factor);
        AdamWStep numbers = new AdamWStep(0.01, 0.9, 0.999, 1e-8, weightDecay, step);
        KERNELS.adamW(parameters, gradients, first, second, numbers, scale);
        golden.check("w." + step, parameters.get(0));
        golden.check("b." + step, parameters.get(1));
      }
      golden.check("exp_avg_w", first.get(0));
      golden.check("exp_avg_sq_w", second.get(0));
    }
  }

  private static Tensor zerosLike(Tensor tensor) {
    return Tensor.zeros(DEVICE, DType.F64, tensor.shape());
  }
}
