package dev.granula.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.granula.tensor.DType;
import dev.granula.tensor.Philox;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

final class RandomStreamTest {
  private static final long SEED = 11;

  private static double[] normal(DType type, long count, double mean, double deviation) {
    Tensor target = Tensor.emptyPersistent(Points.DEVICE, type, Shape.of(count));
    new RandomStream(SEED).fillNormal(target, mean, deviation);
    return target.toDoubleArray();
  }

  /** Box and Muller's formula, written with the library's functions. */
  @Test
  void normalNumbersAreTheTransformOfPairsOfUniformOnes() {
    double[] found = normal(DType.F64, 1001, 3, 2);
    int[] words = new int[4];
    for (int i = 0; i < found.length; i++) {
      Philox.block(SEED, i / 2, words);
      double u = 1 - Philox.unit(words[i % 2 * 2]);
      double v = Philox.unit(words[i % 2 * 2 + 1]);
      double expected = 3 + 2 * Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
      assertEquals(expected, found[i], 5e-9);
    }
  }

  /** More than one piece. */
  @Test
  void normalNumbersHaveTheirMeanAndDeviation() {
    double[] found = normal(DType.F32, (1 << 20) + 333, 0, 0.02);
    double sum = 0;
    double squares = 0;
    for (double x : found) {
      sum += x;
      squares += x * x;
    }
    assertEquals(0, sum / found.length, 1e-4);
    assertEquals(0.02, Math.sqrt(squares / found.length), 1e-4);
  }

  @Test
  void aFillTakesTheNextNumbersOfTheStream() {
    RandomStream stream = new RandomStream(SEED);
    Tensor first = Tensor.emptyPersistent(Points.DEVICE, DType.F32, Shape.of(4));
    Tensor second = Tensor.emptyPersistent(Points.DEVICE, DType.F32, Shape.of(2, 2));
    stream.fillNormal(first, 0, 1);
    assertEquals(2, stream.position());
    stream.fillNormal(second, 0, 1);
    double[] both = normal(DType.F32, 8, 0, 1);
    assertArrayEquals(Arrays.copyOf(both, 4), first.toDoubleArray());
    assertArrayEquals(Arrays.copyOfRange(both, 4, 8), second.toDoubleArray());
  }
}
