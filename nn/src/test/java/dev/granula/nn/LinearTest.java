package dev.granula.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.tensor.DType;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both layouts of a linear layer, [O, I] and [I, O]. */
final class LinearTest {
  private static final CpuDevice DEVICE = CpuDevice.of("simd", 1, Memory.Debug.POISON);
  private static final long SEED = 5;
  private static final int IN = 5;
  private static final int OUT = 3;

  @AfterAll
  static void close() {
    DEVICE.close();
  }

  private static Tensor random(RandomStream random, long... dims) {
    return random.uniform(DEVICE, DType.F64, Shape.of(dims), -1, 1).persistent();
  }

  private static Tensor empty(long... dims) {
    return Tensor.emptyPersistent(DEVICE, DType.F32, Shape.of(dims));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void bothLayoutsGiveTheSameValuesAndGradients(boolean withBias) {
    try (Scope _ = DEVICE.memory().step()) {
      RandomStream random = new RandomStream(SEED);
      Tensor weight = random(random, OUT, IN);
      Tensor bias = withBias ? random(random, OUT) : null;
      Variable x = Variable.leaf(random(random, 2, 4, IN));
      Variable xAgain = Variable.leaf(x.data());
      Tensor gradient = random(random, 2, 4, OUT);

      Linear linear = Linear.of(weight, bias);
      Linear conv1d = Linear.conv1d(weight.transpose(0, 1).persistent(), bias);
      linear.weight().setTrainable(true);
      conv1d.weight().setTrainable(true);
      Variable y = linear.forward(x);
      Variable yAgain = conv1d.forward(xAgain);
      y.backward(gradient);
      yAgain.backward(gradient);

      assertSame(expected(x.data(), weight, bias), y.data());
      assertSame(y.data(), yAgain.data());
      assertSame(x.grad(), xAgain.grad());
      assertEquals(Shape.of(IN, OUT), conv1d.weight().grad().shape());
      assertSame(linear.weight().grad(), conv1d.weight().grad().transpose(0, 1));
      assertSame(linear.weightOutIn().data(), conv1d.weightOutIn().data());
    }
  }

  /** {@code x W^T + b} by its definition. */
  private static Tensor expected(Tensor x, Tensor weight, Tensor bias) {
    double[] a = x.toDoubleArray();
    double[] w = weight.toDoubleArray();
    double[] result = new double[a.length / IN * OUT];
    for (int i = 0; i < result.length; i++) {
      result[i] = bias == null ? 0 : bias.load(i % OUT);
      for (int j = 0; j < IN; j++) {
        result[i] += a[i / OUT * IN + j] * w[i % OUT * IN + j];
      }
    }
    return Tensor.of(DEVICE, result, 2, 4, OUT);
  }

  private static void assertSame(Tensor expected, Tensor found) {
    assertEquals(expected.shape(), found.shape());
    assertArrayEquals(expected.toDoubleArray(), found.toDoubleArray(), 1e-14);
  }

  @Test
  void featuresAreNamedByTheLayout() {
    Linear linear = Linear.of(empty(OUT, IN), null);
    Linear conv1d = Linear.conv1d(empty(IN, OUT), empty(OUT));
    for (Linear layer : new Linear[] {linear, conv1d}) {
      assertEquals(IN, layer.inFeatures());
      assertEquals(OUT, layer.outFeatures());
      assertEquals(layer == conv1d, layer.isFanInFanOut());
    }
  }

  @Test
  void shapesThatDoNotFitAreRefused() {
    assertRefused(
        "linear: for weight [3, 5] the bias must be [3], it is [5]",
        () -> Linear.of(empty(3, 5), empty(5)));
    assertRefused(
        "linear: for weight [3, 5] the bias must be [5], it is [3]",
        () -> Linear.conv1d(empty(3, 5), empty(3)));
    assertRefused(
        "linear: for weight [4, 5] the bias must be [4], it is [2, 2]",
        () -> Linear.of(empty(4, 5), empty(2, 2)));
    assertRefused("linear: the weight needs 2 dimensions: [3]", () -> Linear.of(empty(3), null));
  }

  private static void assertRefused(String message, Runnable action) {
    ShapeException e = assertThrows(ShapeException.class, action::run);
    assertEquals(message, e.getMessage());
  }
}
