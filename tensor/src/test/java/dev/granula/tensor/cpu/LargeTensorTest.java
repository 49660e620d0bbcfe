package dev.granula.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Kernels on more than 2^31 elements: every index must be a long. Takes 14 GB and a minute, so it
 * runs only when asked to: {@code -Dgranula.test.large=true}.
 */
@EnabledIfSystemProperty(named = "granula.test.large", matches = "true")
final class LargeTensorTest {
  private static final int ROWS = (1 << 15) + 1;
  private static final int COLUMNS = 1 << 16;
  private static final long LAST = (long) ROWS * COLUMNS - 1;
  private static final Write SET = Write.SET;

  private final CpuDevice device = CpuDevice.of("simd", 2, Memory.Debug.OFF);
  private final Backend backend = device.backend();

  @Test
  void kernelsReachTheLastElement() {
    try (device;
        var step = device.memory().step()) {
      Tensor x = Tensor.emptyPersistent(device, DType.F32, Shape.of(ROWS, COLUMNS));
      lastRowOfThrees(x);
      assertEquals(1, x.load(0));
      assertEquals(1, x.load(LAST - COLUMNS));
      assertEquals(3, x.load(LAST));
      reduces(x);
      multiplies(x);
      takesRows(x);
      multiplies(castOf(x));
      fills(x);
    }
  }

  private void lastRowOfThrees(Tensor x) {
    backend.fill(x, 1);
    backend.fill(x.slice(0, ROWS - 1, ROWS), 3);
  }

  private void reduces(Tensor x) {
    Tensor rows = empty(ROWS, 1);
    backend.sum(x, rows, 1, SET);
    assertEquals(3 * COLUMNS, rows.load(ROWS - 1));
    Tensor columns = empty(1, COLUMNS);
    backend.sum(x, columns, 1, SET);
    assertEquals(ROWS + 2, columns.load(COLUMNS - 1));
    Tensor norm = Tensor.empty(device, DType.F32, Shape.of(1));
    backend.norm(List.of(x), norm);
    assertEquals(Math.sqrt((ROWS + 8.0) * COLUMNS), norm.load(0), 1);
  }

  /** As a right-hand side in both forms, for one row, few and many, and as a left-hand side. */
  private void multiplies(Tensor x) {
    for (int rows : new int[] {1, 20, 130}) {
      Tensor byColumns = empty(rows, ROWS);
      backend.matmul(ones(rows, COLUMNS), Matrix.of(x).transpose(), Matrix.of(byColumns), 1, SET);
      assertEquals(3 * COLUMNS, byColumns.load((long) rows * ROWS - 1));
      Tensor byRows = empty(rows, COLUMNS);
      backend.matmul(ones(rows, ROWS), Matrix.of(x), Matrix.of(byRows), 1, SET);
      assertEquals(ROWS + 2, byRows.load((long) rows * COLUMNS - 1));
    }
    if (x.dtype() == DType.F32) {
      Tensor out = empty(ROWS, 40);
      backend.matmul(Matrix.of(x), ones(COLUMNS, 40), Matrix.of(out), 1, SET);
      assertEquals(3 * COLUMNS, out.load(40L * ROWS - 1));
      Tensor transposed = empty(COLUMNS, 40);
      backend.matmul(Matrix.of(x).transpose(), ones(ROWS, 40), Matrix.of(transposed), 1, SET);
      assertEquals(ROWS + 2, transposed.load(40L * COLUMNS - 1));
    }
  }

  private void takesRows(Tensor x) {
    Tensor ids = Tensor.of(device, new int[] {ROWS - 1}, 1);
    Tensor row = empty(1, COLUMNS);
    backend.gather(x, ids, row);
    assertEquals(3, row.load(COLUMNS - 1));
    backend.scatterAdd(row, ids, x);
    assertEquals(6, x.load(LAST));
    lastRowOfThrees(x);
    int[] targets = new int[ROWS];
    Arrays.fill(targets, -1);
    targets[ROWS - 1] = COLUMNS - 1;
    Tensor loss = Tensor.empty(device, DType.F32, Shape.of(1));
    Tensor lse = Tensor.empty(device, DType.F32, Shape.of(ROWS));
    backend.crossEntropy(x, Tensor.of(device, targets, ROWS), 1, loss, lse);
    assertEquals(Math.log(COLUMNS), loss.load(0), 1e-4);
  }

  private Tensor castOf(Tensor x) {
    Tensor cast = Tensor.empty(device, DType.BF16, x.shape());
    backend.copy(x, cast);
    assertEquals(3, cast.load(LAST));
    return cast;
  }

  private void fills(Tensor x) {
    Expression twice = Expression.input(0).mul(Expression.constant(2));
    backend.evaluate(twice, List.of(x), new double[0], x, SET);
    assertEquals(6, x.load(LAST));
    backend.softmax(x, x);
    assertEquals(1.0 / COLUMNS, x.load(LAST), 1e-9);
    backend.uniform(7, 0, x);
    assertEquals(0.5, meanOfLast(x), 0.05);
    backend.fill(x, 1);
    backend.dropout(x, 0.5, 7, 0, x, SET);
    assertEquals(1, meanOfLast(x), 0.1);
    backend.matmul(ones(ROWS, 8), ones(8, COLUMNS), Matrix.of(x), 1, SET);
    assertEquals(8, x.load(0));
    assertEquals(8, x.load(LAST));
    Tensor weight = Tensor.full(device, DType.F32, Shape.of(COLUMNS), 1);
    backend.rmsNorm(x, weight, 0, x, Tensor.empty(device, DType.F32, Shape.of(ROWS)));
    assertEquals(1, x.load(LAST), 1e-6);
  }

  private static double meanOfLast(Tensor x) {
    double sum = 0;
    for (int i = 0; i < 1000; i++) {
      sum += x.load(LAST - i);
    }
    return sum / 1000;
  }

  private Matrix ones(long rows, long columns) {
    return Matrix.of(Tensor.full(device, DType.F32, Shape.of(rows, columns), 1));
  }

  private Tensor empty(long rows, long columns) {
    return Tensor.empty(device, DType.F32, Shape.of(rows, columns));
  }
}
