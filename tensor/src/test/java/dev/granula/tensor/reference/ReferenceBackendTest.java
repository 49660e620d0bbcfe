package dev.granula.tensor.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Philox;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.cpu.CpuDevice;
import dev.granula.tensor.expression.Expression;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Values that can be checked on paper. */
final class ReferenceBackendTest {
  private final Device device = CpuDevice.reference();
  private final Backend kernels = device.backend();

  private Tensor of(double[] values, long... dims) {
    return Tensor.of(device, values, dims);
  }

  private Tensor undefined(long... dims) {
    return Tensor.full(device, DType.F64, Shape.of(dims), Double.NaN);
  }

  private static void assertValues(Tensor tensor, double... expected) {
    assertArrayEquals(expected, tensor.toDoubleArray(), 1e-12);
  }

  @Test
  void matmul() {
    Tensor a = of(new double[] {1, 2, 3, 4, 5, 6}, 2, 3);
    Tensor out = undefined(2, 2);
    kernels.matmul(Matrix.of(a), Matrix.of(a).transpose(), Matrix.of(out), 1, Write.SET);
    assertValues(out, 14, 32, 32, 77);
    kernels.matmul(Matrix.of(a), Matrix.of(a).transpose(), Matrix.of(out), -0.5, Write.ADD);
    assertValues(out, 7, 16, 16, 38.5);
  }

  @Test
  void expressions() {
    Tensor x = of(new double[] {-1, 0, 2, Double.NaN}, 4);
    Tensor out = undefined(4);
    Expression input = Expression.input(0);
    Expression relu = input.max(Expression.constant(0));
    kernels.evaluate(relu, List.of(x), new double[0], out, Write.SET);
    assertValues(out, 0, 0, 2, Double.NaN);
    Expression isNegative =
        input.selectIfLess(Expression.scalar(0), Expression.constant(1), Expression.constant(-1));
    kernels.evaluate(isNegative, List.of(x), new double[] {0}, out, Write.SET);
    assertValues(out, 1, -1, -1, -1);
  }

  @Test
  void aSumOfManySmallNumbersIsKeptInF64() {
    Tensor tenths = Tensor.full(device, DType.F32, Shape.of(1_000_000), 0.1f);
    Tensor out = Tensor.full(device, DType.F32, Shape.of(1), Double.NaN);
    kernels.sum(tenths, out, 1, Write.SET);
    assertEquals((float) (0.1f * 1e6), out.item());
  }

  @Test
  void sumsAndNorms() {
    Tensor x = of(new double[] {1, 2, 3, 4, 5, 6}, 2, 3);
    Tensor rows = undefined(2, 1);
    kernels.sum(x, rows, 2, Write.SET);
    assertValues(rows, 12, 30);
    Tensor columns = of(new double[] {1, 1, 1}, 1, 3);
    kernels.sum(x, columns, 1, Write.ADD);
    assertValues(columns, 6, 8, 10);
    Tensor norm = undefined();
    kernels.norm(List.of(of(new double[] {3}), of(new double[] {0, 4}, 2)), norm);
    assertValues(norm, 5);
  }

  @Test
  void softmaxOfLogarithms() {
    Tensor x = of(new double[] {Math.log(1), Math.log(2), Math.log(5), 1000, 1000, 1000}, 2, 3);
    Tensor out = undefined(2, 3);
    kernels.softmax(x, out);
    assertValues(out, 0.125, 0.25, 0.625, 1 / 3.0, 1 / 3.0, 1 / 3.0);
    kernels.logSoftmax(x, out);
    assertValues(
        out,
        Math.log(0.125),
        Math.log(0.25),
        Math.log(0.625),
        -Math.log(3),
        -Math.log(3),
        -Math.log(3));
  }

  @Test
  void norms() {
    Tensor x = of(new double[] {3, 4, 0, 0}, 1, 4);
    Tensor weight = of(new double[] {1, 2, 1, 1}, 4);
    Tensor out = undefined(1, 4);
    Tensor inverse = undefined(1);
    kernels.rmsNorm(x, weight, 0, out, inverse);
    assertValues(inverse, 0.4);
    assertValues(out, 1.2, 3.2, 0, 0);
    Tensor mean = undefined(1);
    Tensor bias = of(new double[] {0, 0, 0, 1}, 4);
    kernels.layerNorm(of(new double[] {1, 3, 1, 3}, 1, 4), weight, bias, 0, out, mean, inverse);
    assertValues(mean, 2);
    assertValues(inverse, 1);
    assertValues(out, -1, 2, -1, 2);
  }

  /** A quarter turn takes (x, y) to (-y, x). */
  @Test
  void rotaryTurnsPairsOfTheTwoHalves() {
    Tensor x = of(new double[] {1, 2, 3, 4}, 1, 1, 1, 4);
    Tensor positions = Tensor.of(device, new int[] {1}, 1, 1);
    Tensor cos = of(new double[] {1, 1, 0, 1}, 2, 2);
    Tensor sin = of(new double[] {0, 0, 1, 0}, 2, 2);
    Tensor out = undefined(1, 1, 1, 4);
    kernels.rotary(x, positions, cos, sin, false, out, Write.SET);
    assertValues(out, -3, 2, 1, 4);
    Tensor back = undefined(1, 1, 1, 4);
    kernels.rotary(out, positions, cos, sin, true, back, Write.SET);
    assertValues(back, 1, 2, 3, 4);
  }

  /** With queries of zero all visible keys weigh the same. */
  @Test
  void attentionAveragesWhatAQuerySees() {
    Tensor q = of(new double[3], 1, 3, 1, 1);
    Tensor k = of(new double[] {1, 2, 3, 4}, 1, 4, 1, 1);
    Tensor v = of(new double[] {10, 20, 60, 110}, 1, 4, 1, 1);
    Tensor out = undefined(1, 3, 1, 1);
    Tensor lse = undefined(1, 1, 3);
    kernels.attention(q, k, v, null, 1, out, lse);
    assertValues(out, 15, 30, 50);
    assertValues(lse, Math.log(2), Math.log(3), Math.log(4));
    Tensor firstKey = Tensor.of(device, new int[] {1, 3, 2}, 1, 3);
    kernels.attention(q, k, v, firstKey, 1, out, lse);
    assertValues(out, 20, 0, 85);
    assertValues(lse, 0, Double.NEGATIVE_INFINITY, Math.log(2));
  }

  @Test
  void crossEntropyOfEqualLogitsIsTheLogarithmOfTheirNumber() {
    Tensor logits = Tensor.zeros(device, DType.F64, Shape.of(3, 8));
    Tensor targets = Tensor.of(device, new int[] {5, -100, 0}, 3);
    Tensor loss = undefined();
    Tensor lse = undefined(3);
    kernels.crossEntropy(logits, targets, 0.5, loss, lse);
    assertValues(loss, Math.log(8));
    assertValues(lse, Math.log(8), Math.log(8), Math.log(8));
  }

  @Test
  void anIndexOutsideTheTableIsAnError() {
    Tensor table = Tensor.zeros(device, DType.F64, Shape.of(4, 2));
    Tensor ids = Tensor.of(device, new int[] {1, 4}, 2);
    GranulaException e =
        assertThrows(GranulaException.class, () -> kernels.gather(table, ids, undefined(2, 2)));
    assertTrue(e.getMessage().contains("gather: index 4 is outside [0, 4)"), e.getMessage());
    assertThrows(
        GranulaException.class,
        () -> kernels.crossEntropy(table, ids, 1, undefined(), undefined(4)));
  }

  @Test
  void uniformNumbersAreTheWordsOfPhilox() {
    Tensor out = undefined(6);
    kernels.uniform(3, 10, out);
    int[] words = new int[4];
    Philox.block(3, 11, words);
    assertEquals(Philox.unit(words[0]), out.load(4));
    assertEquals(Philox.unit(words[1]), out.load(5));
  }

  @Test
  void dropoutKeepsTheExpectation() {
    Tensor out = undefined(100_000);
    kernels.dropout(
        Tensor.full(device, DType.F64, Shape.of(100_000), 1), 0.25, 1, 0, out, Write.SET);
    double sum = 0;
    for (double value : out.toDoubleArray()) {
      assertTrue(value == 0 || value == 1 / 0.75, "neither dropped nor scaled: " + value);
      sum += value;
    }
    assertEquals(1, sum / 100_000, 0.01);
  }
}
