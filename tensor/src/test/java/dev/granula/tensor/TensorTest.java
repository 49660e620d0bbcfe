package dev.granula.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.cpu.CpuDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

final class TensorTest {
  private static final CpuDevice DEVICE = CpuDevice.reference();

  /** 0, 1, 2, ... in row-major order. */
  private static Tensor range(long... dims) {
    Tensor tensor = Tensor.empty(DEVICE, DType.F32, Shape.of(dims));
    for (long i = 0; i < tensor.elementCount(); i++) {
      tensor.store(i, i);
    }
    return tensor;
  }

  private static void assertElements(Tensor tensor, double... expected) {
    assertArrayEquals(expected, tensor.toDoubleArray());
  }

  @Test
  void readsBackWhatWasGiven() {
    assertArrayEquals(
        new float[] {1, 2, 3, 4}, Tensor.of(DEVICE, new float[] {1, 2, 3, 4}, 2, 2).toFloatArray());
    assertArrayEquals(
        new long[] {1L << 60, -1}, Tensor.of(DEVICE, new long[] {1L << 60, -1}, 2).toLongArray());
    assertEquals(2.5, Tensor.of(DEVICE, new double[] {2.5}).item());
    assertElements(Tensor.full(DEVICE, DType.F64, Shape.of(2), 0.1), 0.1, 0.1);
  }

  @Test
  void refusesWrongCountsAndTypes() {
    assertThrows(ShapeException.class, () -> Tensor.of(DEVICE, new float[3], 2, 2));
    assertThrows(ShapeException.class, () -> range(2).item());
    assertThrows(DTypeException.class, () -> range(2).toLongArray());
  }

  @Test
  void convertsWithOneRounding() {
    Tensor third = Tensor.of(DEVICE, new double[] {1.0 / 3, 65504, 1e9}, 3);
    assertElements(third.to(DType.F32), 1f / 3, 65504, 1e9f);
    assertElements(third.to(DType.F16), 0x1.554p-2, 65504, Double.POSITIVE_INFINITY);
    assertElements(third.to(DType.BF16), 0x1.56p-2, 65536, 998244352);
  }

  @Test
  void permutesWithoutACopy() {
    Tensor tensor = range(2, 3);
    Tensor transposed = tensor.transpose(0, -1);
    assertSame(tensor.storage(), transposed.storage());
    assertFalse(transposed.isContiguous());
    assertElements(transposed, 0, 3, 1, 4, 2, 5);
    assertThrows(ShapeException.class, () -> tensor.permute(0, 0));
    assertThrows(ShapeException.class, () -> tensor.permute(0));
    assertThrows(ShapeException.class, transposed::contiguousMemory);
  }

  @Test
  void slices() {
    assertElements(range(3, 4).slice(1, 1, 3).slice(0, 2, 3), 9, 10);
    assertEquals(0, range(3, 4).slice(0, 2, 2).elementCount());
    assertThrows(ShapeException.class, () -> range(3, 4).slice(1, 3, 5));
    assertThrows(ShapeException.class, () -> range(3, 4).slice(1, 3, 2));
  }

  @Test
  void expandsByStrideZero() {
    assertElements(range(3, 1).expand(Shape.of(2, 3, 2)), 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2);
    assertThrows(ShapeException.class, () -> range(3).expand(Shape.of(2)));
    assertThrows(ShapeException.class, () -> range(2, 3).expand(Shape.of(3)));
    assertThrows(ShapeException.class, () -> range(1).expand(Shape.scalar()));
  }

  @Test
  void unsqueezes() {
    assertEquals(Shape.of(1, 2, 3), range(2, 3).unsqueeze(0).shape());
    assertEquals(Shape.of(2, 3, 1), range(2, 3).unsqueeze(-1).shape());
    assertElements(range(2, 3).transpose(0, 1).unsqueeze(1), 0, 3, 1, 4, 2, 5);
    assertThrows(ShapeException.class, () -> range(2, 3).unsqueeze(3));
    assertThrows(ShapeException.class, () -> range(2, 3).unsqueeze(-4));
  }

  @Test
  void infersOneDimension() {
    assertEquals(Shape.of(4, 3), range(2, 6).reshape(-1, 3).shape());
    assertEquals(Shape.of(0, 3), range(0, 6).reshape(-1, 3).shape());
    assertThrows(ShapeException.class, () -> range(2, 6).reshape(-1, 5));
    assertThrows(ShapeException.class, () -> range(2, 6).reshape(-1, -1));
    assertThrows(ShapeException.class, () -> range(2, 6).reshape(3, 5));
  }

  @Test
  void regroupsStridedDimensions() {
    Tensor columns = range(4, 6).slice(1, 1, 5);
    assertElements(columns.reshape(2, 2, 2, 2).slice(0, 1, 2).slice(2, 1, 2), 15, 16, 21, 22);
    assertFalse(columns.canReshape(Shape.of(16)));
    ShapeException e = assertThrows(ShapeException.class, () -> columns.reshape(16));
    assertTrue(e.getMessage().contains("[4, 4] with strides [6, 1]"), e.getMessage());
  }

  /** A reshape is either refused or shows the same elements in the same order. */
  @Property(seed = "31", tries = 2000)
  void reshapeKeepsTheOrderOfElements(@ForAll long seed) {
    Random random = new Random(seed);
    try (Scope _ = DEVICE.memory().step()) {
      Tensor view = randomView(random);
      Shape target = randomFactors(random, view.elementCount());
      if (view.canReshape(target)) {
        Tensor reshaped = view.reshape(target.toArray());
        assertSame(view.storage(), reshaped.storage());
        assertArrayEquals(view.toDoubleArray(), reshaped.toDoubleArray());
      } else {
        assertThrows(ShapeException.class, () -> view.reshape(target.toArray()));
      }
    }
  }

  private static Tensor randomView(Random random) {
    long[] dims = new long[1 + random.nextInt(4)];
    for (int d = 0; d < dims.length; d++) {
      dims[d] = 1 + random.nextInt(4);
    }
    Tensor view = range(dims);
    for (int change = random.nextInt(4); change > 0; change--) {
      int a = random.nextInt(dims.length);
      int b = random.nextInt(dims.length);
      long size = view.shape().dim(a);
      view =
          switch (random.nextInt(3)) {
            case 0 -> view.transpose(a, b);
            case 1 -> view.slice(a, size / 2, size);
            default ->
                size == 1 && b != a ? view.expand(view.shape().with(a, 2)) : view.slice(a, 0, size);
          };
    }
    return view;
  }

  private static Shape randomFactors(Random random, long count) {
    List<Long> factors = new ArrayList<>();
    long rest = count;
    for (long factor = 2; rest > 1; factor++) {
      while (rest % factor == 0) {
        if (random.nextBoolean() || factors.isEmpty()) {
          factors.add(factor);
        } else {
          factors.set(0, factors.get(0) * factor);
        }
        rest /= factor;
      }
    }
    for (int ones = random.nextInt(3); ones > 0; ones--) {
      factors.add(random.nextInt(factors.size() + 1), 1L);
    }
    return Shape.of(factors.stream().mapToLong(Long::longValue).toArray());
  }

  @Test
  void movesBetweenDevices() {
    try (CpuDevice other = CpuDevice.reference()) {
      Tensor moved = range(2, 3).transpose(0, 1).to(other);
      assertSame(other, moved.device());
      assertElements(moved, 0, 3, 1, 4, 2, 5);
      assertEquals(0, range(0, 3).to(other).elementCount());
    }
  }

  @Test
  void bf16IsTheUpperHalfOfF32WithTiesToEven() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float value = DType.bf16ToFloat((short) bits);
      if (!Float.isNaN(value)) {
        assertEquals((short) bits, DType.floatToBf16(value));
      }
    }
    assertEquals(1.0f, DType.bf16ToFloat(DType.floatToBf16(1 + 0x1p-8f)));
    assertEquals(1 + 0x1p-6f, DType.bf16ToFloat(DType.floatToBf16(1 + 0x1.8p-7f)));
    assertTrue(Float.isNaN(DType.bf16ToFloat(DType.floatToBf16(Float.intBitsToFloat(0x7f800001)))));
    assertEquals(Float.POSITIVE_INFINITY, DType.bf16ToFloat(DType.floatToBf16(Float.MAX_VALUE)));
  }
}
