package dev.granula.tensor.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Every gradient kernel against central differences in F64, for a random upstream gradient: SET
 * over NaN, then ADD onto that.
 */
final class GradientTest {
  private static final long SEED = 7;
  private static final double STEP = 1e-5;
  private static final double TOLERANCE = 1e-8;
  private static final double EPS = 1e-3;

  private final Device device = CpuDevice.reference();
  private final Backend kernels = device.backend();
  private final Random random = new Random(SEED);
  private @Nullable Scope step;

  @BeforeEach
  void open() {
    step = device.memory().step();
  }

  @AfterEach
  void close() {
    step.close();
    assertEquals(0, device.memory().stats().usedBytes());
  }

  private Tensor normal(long... dims) {
    return filled(random::nextGaussian, dims);
  }

  private Tensor undefined(long... dims) {
    return filled(() -> Double.NaN, dims);
  }

  private Tensor filled(DoubleSupplier values, long... dims) {
    Tensor tensor = Tensor.empty(device, DType.F64, Shape.of(dims));
    for (long i = 0; i < tensor.elementCount(); i++) {
      tensor.store(i, values.getAsDouble());
    }
    return tensor;
  }

  private Tensor ints(int... values) {
    return Tensor.of(device, values, values.length);
  }

  private static double dot(Tensor a, Tensor b) {
    double sum = 0;
    for (long i = 0; i < a.elementCount(); i++) {
      sum += a.load(i) * b.load(i);
    }
    return sum;
  }

  /**
   * @param forward computes {@code y} from the present values of {@code x}
   * @param g the upstream gradient
   * @param backward writes the gradient of {@code x}
   */
  private void check(
      Tensor x, Runnable forward, Tensor y, Tensor g, BiConsumer<Tensor, Write> backward) {
    forward.run();
    Tensor gradient = undefined(x.shape().toArray());
    backward.accept(gradient, Write.SET);
    double[] once = gradient.toDoubleArray();
    backward.accept(gradient, Write.ADD);
    double largest = 1e-3;
    double difference = 0;
    for (int i = 0; i < once.length; i++) {
      double value = x.load(i);
      x.store(i, value + STEP);
      forward.run();
      double above = dot(y, g);
      x.store(i, value - STEP);
      forward.run();
      double below = dot(y, g);
      x.store(i, value);
      double expected = (above - below) / (2 * STEP);
      largest = Math.max(largest, Math.abs(expected));
      assertTrue(Math.abs(expected - once[i]) < 1, "far off or NaN: " + once[i]);
      difference = Math.max(difference, Math.abs(expected - once[i]));
      assertEquals(2 * once[i], gradient.load(i), 1e-12 * largest);
    }
    assertTrue(difference <= TOLERANCE * largest, difference / largest + ", seed " + SEED);
  }

  @Test
  void softmax() {
    Tensor x = normal(3, 5);
    Tensor g = normal(3, 5);
    Tensor y = undefined(3, 5);
    Runnable forward = () -> kernels.softmax(x, y);
    check(x, forward, y, g, (dx, write) -> kernels.softmaxGrad(y, g, dx, write));
  }

  @Test
  void logSoftmax() {
    Tensor x = normal(3, 5);
    Tensor g = normal(3, 5);
    Tensor y = undefined(3, 5);
    Runnable forward = () -> kernels.logSoftmax(x, y);
    check(x, forward, y, g, (dx, write) -> kernels.logSoftmaxGrad(y, g, dx, write));
  }

  @Test
  void rmsNorm() {
    Tensor x = normal(2, 3, 5);
    Tensor weight = normal(5);
    Tensor g = normal(2, 3, 5);
    Tensor y = undefined(2, 3, 5);
    Tensor inverse = undefined(2, 3);
    Runnable forward = () -> kernels.rmsNorm(x, weight, EPS, y, inverse);
    check(x, forward, y, g, (d, w) -> kernels.rmsNormGrad(x, weight, inverse, g, d, w, null, w));
    check(
        weight, forward, y, g, (d, w) -> kernels.rmsNormGrad(x, weight, inverse, g, null, w, d, w));
  }

  @Test
  void layerNorm() {
    Tensor x = normal(2, 3, 5);
    Tensor weight = normal(5);
    Tensor bias = normal(5);
    Tensor g = normal(2, 3, 5);
    Tensor y = undefined(2, 3, 5);
    Tensor mean = undefined(2, 3);
    Tensor inverse = undefined(2, 3);
    Runnable forward = () -> kernels.layerNorm(x, weight, bias, EPS, y, mean, inverse);
    check(
        x,
        forward,
        y,
        g,
        (d, w) -> kernels.layerNormGrad(x, weight, mean, inverse, g, d, w, null, w, null, w));
    check(
        weight,
        forward,
        y,
        g,
        (d, w) -> kernels.layerNormGrad(x, weight, mean, inverse, g, null, w, d, w, null, w));
    check(
        bias,
        forward,
        y,
        g,
        (d, w) -> kernels.layerNormGrad(x, weight, mean, inverse, g, null, w, null, w, d, w));
  }

  @Test
  void rotary() {
    Tensor x = normal(2, 3, 2, 6);
    Tensor g = normal(2, 3, 2, 6);
    Tensor y = undefined(2, 3, 2, 6);
    Tensor positions = ints(0, 4, 2, 3, 3, 1).reshape(2, 3);
    Tensor cos = Tensor.empty(device, DType.F64, Shape.of(5, 3));
    Tensor sin = Tensor.empty(device, DType.F64, Shape.of(5, 3));
    for (int i = 0; i < 15; i++) {
      double angle = random.nextGaussian();
      cos.store(i, Math.cos(angle));
      sin.store(i, Math.sin(angle));
    }
    Runnable forward = () -> kernels.rotary(x, positions, cos, sin, false, y, Write.SET);
    check(x, forward, y, g, (dx, write) -> kernels.rotary(g, positions, cos, sin, true, dx, write));
  }

  /** Queries, keys, heads, groups; then the first key that each query sees, or none for all. */
  @ParameterizedTest
  @CsvSource({
    "4, 4, 2, 2, ''",
    "4, 4, 4, 2, ''",
    "2, 5, 3, 1, ''",
    "1, 6, 2, 2, ''",
    "5, 3, 2, 1, ''",
    "4, 4, 2, 1, '0 0 2 2'",
    "4, 4, 2, 1, '0 3 2 9'"
  })
  void attention(int queries, int keys, int heads, int groups, String firstKeys) {
    Tensor q = normal(1, queries, heads, 3);
    Tensor k = normal(1, keys, groups, 3);
    Tensor v = normal(1, keys, groups, 3);
    Tensor g = normal(1, queries, heads, 3);
    Tensor y = undefined(1, queries, heads, 3);
    Tensor lse = undefined(1, heads, queries);
    Tensor first = firstKeys.isEmpty() ? null : firstKeys(firstKeys);
    Runnable forward = () -> kernels.attention(q, k, v, first, 0.7, y, lse);
    check(
        q,
        forward,
        y,
        g,
        (d, w) -> kernels.attentionGrad(q, k, v, first, 0.7, y, lse, g, d, w, null, w, null, w));
    check(
        k,
        forward,
        y,
        g,
        (d, w) -> kernels.attentionGrad(q, k, v, first, 0.7, y, lse, g, null, w, d, w, null, w));
    check(
        v,
        forward,
        y,
        g,
        (d, w) -> kernels.attentionGrad(q, k, v, first, 0.7, y, lse, g, null, w, null, w, d, w));
  }

  private Tensor firstKeys(String text) {
    String[] words = text.split(" ", -1);
    int[] values = new int[words.length];
    for (int i = 0; i < words.length; i++) {
      values[i] = Integer.parseInt(words[i]);
    }
    return ints(values).reshape(1, -1);
  }

  @Test
  void crossEntropy() {
    Tensor logits = normal(4, 5);
    Tensor targets = ints(2, -100, 0, 4);
    Tensor loss = undefined();
    Tensor lse = undefined(4);
    Tensor g = normal();
    Runnable forward = () -> kernels.crossEntropy(logits, targets, 0.3, loss, lse);
    check(
        logits,
        forward,
        loss,
        g,
        (d, w) -> kernels.crossEntropyGrad(logits, targets, lse, 0.3, g, d, w));
  }

  @Test
  void headCrossEntropy() {
    Tensor hidden = normal(4, 3);
    Tensor weight = normal(5, 3);
    Tensor targets = ints(2, -100, 0, 4);
    Tensor loss = undefined();
    Tensor lse = undefined(4);
    Tensor g = normal();
    Runnable forward =
        () -> kernels.headCrossEntropy(hidden, weight, targets, 0.3, loss, lse, null);
    check(
        hidden,
        forward,
        loss,
        g,
        (d, w) ->
            kernels.headCrossEntropyGrad(hidden, weight, targets, lse, 0.3, g, d, w, null, w));
    check(
        weight,
        forward,
        loss,
        g,
        (d, w) ->
            kernels.headCrossEntropyGrad(hidden, weight, targets, lse, 0.3, g, null, w, d, w));
  }

  @Test
  void headCrossEntropyFormsTheGradientOfAFrozenHeadInTheSamePass() {
    Tensor hidden = normal(4, 3);
    Tensor weight = normal(5, 3);
    Tensor targets = ints(2, -100, 0, 4);
    Tensor loss = undefined();
    Tensor lse = undefined(4);
    Tensor atOnce = undefined(4, 3);
    kernels.headCrossEntropy(hidden, weight, targets, 0.3, loss, lse, atOnce);
    Tensor later = undefined(4, 3);
    Tensor one = filled(() -> 1.0);
    kernels.headCrossEntropyGrad(
        hidden, weight, targets, lse, 0.3, one, later, Write.SET, null, Write.SET);
    assertEquals(0, atOnce.load(3));
    for (int i = 0; i < 12; i++) {
      assertEquals(later.load(i), atOnce.load(i), 1e-15);
    }
  }

  @Test
  void gather() {
    Tensor table = normal(4, 3);
    Tensor ids = ints(2, 0, 2);
    Tensor g = normal(3, 3);
    Tensor rows = undefined(3, 3);
    check(
        table,
        () -> kernels.gather(table, ids, rows),
        rows,
        g,
        (d, write) -> {
          if (write == Write.SET) {
            kernels.fill(d, 0);
          }
          kernels.scatterAdd(g, ids, d);
        });
  }

  @Test
  void dropout() {
    Tensor x = normal(6, 5);
    Tensor g = normal(6, 5);
    Tensor y = undefined(6, 5);
    Runnable forward = () -> kernels.dropout(x, 0.4, 11, 3, y, Write.SET);
    check(x, forward, y, g, (dx, write) -> kernels.dropout(g, 0.4, 11, 3, dx, write));
  }
}
