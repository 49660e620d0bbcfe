package dev.granula.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.cpu.CpuDevice;
import org.junit.jupiter.api.Test;

/** Dimensions of a tensor read as batch, rows and columns. */
final class MatrixTest {
  private static final CpuDevice DEVICE = CpuDevice.reference();

  private static Tensor tensor(long... dims) {
    return Tensor.zeros(DEVICE, DType.F32, Shape.of(dims));
  }

  @Test
  void readsTheLastTwoDimensions() {
    Matrix matrix = Matrix.of(tensor(2, 5, 3, 4));
    assertEquals(Shape.of(10, 3, 4), matrix.shape());
    assertEquals(Shape.of(10, 4, 3), matrix.transpose().shape());
    assertEquals(7 * 12, matrix.batchOffset(7));
    assertThrows(ShapeException.class, () -> Matrix.of(tensor(3)));
  }

  @Test
  void mergesContiguousDimensionsIntoOneLevel() {
    Axis rows = Matrix.flat(tensor(2, 5, 3)).rows();
    assertEquals(new Axis(10, 10, 3, 0), rows);
    assertTrue(rows.isUniform());
    assertEquals(21, rows.offset(7));
  }

  /** r = 4 ranks as k = 2 runs of r / k = 2: two levels with unrelated strides. */
  @Test
  void keepsTwoLevelsOfAPermutedAxis() {
    Tensor u = tensor(7, 2, 2, 2).permute(2, 0, 1, 3);
    Axis ranks = Matrix.grouped(u, 1, 1).cols();
    assertEquals(new Axis(4, 2, 1, 4), ranks);
    assertFalse(ranks.isUniform());
    assertEquals(0, ranks.offset(0));
    assertEquals(1, ranks.offset(1));
    assertEquals(4, ranks.offset(2));
    assertEquals(5, ranks.offset(3));
  }

  @Test
  void ignoresDimensionsOfOne() {
    Tensor sliced = tensor(3, 4, 5, 6).slice(2, 1, 2);
    assertEquals(new Axis(4, 4, 30, 0), Matrix.grouped(sliced, 1, 2).rows());
  }

  @Test
  void refusesThreeLevels() {
    Tensor scattered =
        tensor(3, 4, 5, 2).slice(0, 0, 2).slice(1, 0, 3).slice(2, 0, 4).slice(3, 0, 1);
    Tensor swapped = scattered.permute(1, 2, 0, 3);
    ShapeException e =
        assertThrows(ShapeException.class, () -> Matrix.grouped(swapped, 0, 3).rows());
    assertTrue(e.getMessage().contains("make it contiguous first"), e.getMessage());
  }

  @Test
  void hasNoElementsIfADimensionIsEmpty() {
    assertEquals(0, Matrix.grouped(tensor(4, 3, 2, 0), 0, 4).rows().size());
    assertEquals(0, Matrix.grouped(tensor(4, 3, 0, 5), 0, 4).rows().size());
    assertEquals(0, Matrix.grouped(tensor(0, 3, 2, 5), 0, 4).rows().size());
  }
}
