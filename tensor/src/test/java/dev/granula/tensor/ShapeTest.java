package dev.granula.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

final class ShapeTest {
  @Test
  void countsElements() {
    assertEquals(1, Shape.scalar().elementCount());
    assertEquals(24, Shape.of(2, 3, 4).elementCount());
    assertEquals(0, Shape.of(2, 0, 4).elementCount());
  }

  @Test
  void readsDimensionsFromTheEnd() {
    Shape shape = Shape.of(2, 3, 4);
    assertEquals(4, shape.dim(-1));
    assertEquals(2, shape.dim(-3));
    assertThrows(ShapeException.class, () -> shape.dim(3));
    assertThrows(ShapeException.class, () -> shape.dim(-4));
  }

  @Test
  void refusesNegativeAndOverflowingSizes() {
    assertThrows(ShapeException.class, () -> Shape.of(2, -1));
    assertThrows(ShapeException.class, () -> Shape.of(1L << 32, 1L << 32));
  }

  @Test
  void derivesShapes() {
    assertEquals(Shape.of(2, 9, 4), Shape.of(2, 3, 4).with(1, 9));
    assertEquals(Shape.of(3, 4), Shape.of(2, 3, 4).slice(1, 3));
    assertEquals(Shape.scalar(), Shape.of(2, 3).slice(1, 1));
    assertArrayEquals(new long[] {12, 4, 1}, Shape.of(2, 3, 4).contiguousStrides());
  }

  @Test
  void cannotBeChangedFromOutside() {
    long[] dims = {2, 3};
    Shape shape = Shape.of(dims);
    dims[0] = 7;
    shape.toArray()[1] = 7;
    assertEquals(Shape.of(2, 3), shape);
    assertEquals(Shape.of(2, 3).hashCode(), shape.hashCode());
  }

  @Test
  void broadcasts() {
    assertEquals(Shape.of(2, 3, 4), broadcast(Shape.of(2, 1, 4), Shape.of(3, 1)));
    assertEquals(Shape.of(5), broadcast(Shape.scalar(), Shape.of(5)));
    assertEquals(Shape.of(0, 3), broadcast(Shape.of(0, 3), Shape.of(1, 3)));
  }

  @Test
  void namesBothShapesThatDoNotBroadcast() {
    ShapeException e =
        assertThrows(ShapeException.class, () -> broadcast(Shape.of(2, 3), Shape.of(2, 4)));
    assertTrue(e.getMessage().startsWith("add: "), e.getMessage());
    assertTrue(e.getMessage().contains("[2, 3] with [2, 4]"), e.getMessage());
  }

  private static Shape broadcast(Shape a, Shape b) {
    return Shape.broadcast("add", a, b);
  }
}
