package dev.granula.tensor.internal.simd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.granula.tensor.Backend.Product;
import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What conformance does not see: which blocks a result came from. */
final class SimdMatmulTest {
  private static final CpuDevice DEVICE = CpuDevice.of("simd", 3, Memory.Debug.OFF);

  @AfterAll
  static void close() {
    DEVICE.close();
  }

  /** The whole has many rows and the part few: they are packed in different ways. */
  @Test
  void edgeTilesGiveTheBitsOfInnerOnes() {
    Tensor a = uniform(600, 2100);
    Tensor b = uniform(2300, 2100);
    float[] whole = product(a, b);
    float[] part = product(a.slice(0, 571, 600), b.slice(0, 2277, 2300));
    float[] expected = new float[part.length];
    for (int i = 0; i < part.length; i++) {
      expected[i] = whole[(571 + i / 23) * 2300 + 2277 + i % 23];
    }
    assertArrayEquals(expected, part);
  }

  /**
   * Batches, chunks of a batch and parts of rows do not show. With (9, 600, 140) a chunk of packed
   * panels holds five matrices, with (9, 500, 70) one of left-hand sides four, (1, 500, 20) is one
   * panel for three threads, (1, 140, 3000) has three chunks of columns, and matrices of 40 rows
   * are cut into groups of panels where the right-hand side is row-major.
   */
  @ParameterizedTest
  @CsvSource({
    "9, 600, 140",
    "9, 500, 70",
    "1, 500, 20",
    "2, 130, 140",
    "1, 140, 3000",
    "3, 40, 200",
    "4, 40, 800"
  })
  void batchesGiveTheBitsOfSmallProducts(int batch, int m, int n) {
    for (boolean transposed : new boolean[] {false, true}) {
      Tensor a = uniform(batch * m, 1000);
      Tensor b = uniform(batch * n, 1000);
      Tensor out = Tensor.empty(DEVICE, DType.F32, Shape.of(batch, m, n));
      Matrix rhs = Matrix.of(b.reshape(batch, n, 1000)).transpose();
      if (!transposed) {
        rhs = Matrix.of(copy(b.reshape(batch, n, 1000).transpose(1, 2)));
      }
      DEVICE
          .backend()
          .matmul(Matrix.of(a.reshape(batch, m, 1000)), rhs, Matrix.of(out), 0.3, Write.SET);
      float[] actual = out.toFloatArray();
      for (int i = 0; i < batch; i++) {
        int row = (i + 1) * m - 7;
        float[] part = product(a.slice(0, row, row + 7), b.slice(0, i * n, (i + 1) * n));
        assertArrayEquals(part, Arrays.copyOfRange(actual, row * n, (row + 7) * n));
      }
    }
  }

  /**
   * Few rows with rows of the right-hand side go through depth in slices for several panels, with
   * columns of it in one go for each panel. 1100 are two segments of one block, 2500 three blocks;
   * the last panels of 1001 and 780 columns are narrow.
   */
  @ParameterizedTest
  @CsvSource({
    "32, 688, 1024",
    "32, 2432, 256",
    "128, 1001, 1100",
    "41, 780, 2500",
    "100, 66, 2",
    "17, 3000, 333"
  })
  void slicesOfDepthGiveTheBitsOfTheWhole(int m, int n, int depth) {
    Tensor a = uniform(m, depth);
    Tensor b = uniform(n, depth);
    float[] expected = product(a, b);
    Tensor rows = copy(b.transpose(0, 1));
    assertArrayEquals(expected, product(a, Matrix.of(rows), Write.SET));
    if (n % 2 == 0) {
      // Two halves of the columns, far apart.
      Tensor halves = copy(rows.reshape(depth, 2, n / 2).permute(1, 0, 2)).permute(1, 0, 2);
      assertArrayEquals(expected, product(a, Matrix.grouped(halves, 0, 1), Write.SET));
    }
    for (int i = 0; i < expected.length; i++) {
      expected[i] += 1;
    }
    float[] added = product(a, Matrix.of(rows), Write.ADD);
    // Several blocks of depth are added to the ones in turn, not as their sum.
    assertArrayEquals(expected, added, depth <= MatmulKernel.MAX_DEPTH ? 0 : 1e-3f);
  }

  /** More left-hand sides of blocks than can be packed at once: 4.5 GB of them. */
  @Test
  void manyBlocksOfColumnsArePackedOneByOne() {
    int blocks = 2100;
    Tensor x = uniform(512, 8);
    Tensor weight = uniform(blocks, 8);
    Tensor u = uniform(512, 1024);
    Tensor b = uniform(blocks, 1024);
    Tensor out = Tensor.empty(DEVICE, DType.F32, Shape.of(512, blocks));
    Tensor everyBlock = u.reshape(1, 512, 1024).expand(Shape.of(blocks, 512, 1024));
    List<Product> products =
        List.of(
            new Product(Matrix.of(x), Matrix.of(weight).transpose(), 0.3),
            new Product(Matrix.of(everyBlock), Matrix.of(b.reshape(blocks, 1024, 1)), 0.3));
    DEVICE.backend().matmulSum(products, out, Write.SET);
    float[] base = product(x, weight);
    float[] expected = product(u, b);
    for (int i = 0; i < expected.length; i++) {
      expected[i] += base[i];
    }
    assertArrayEquals(expected, out.toFloatArray(), 1e-3f);
  }

  private static float[] product(Tensor a, Tensor bTransposed) {
    return product(a, Matrix.of(bTransposed).transpose(), Write.SET);
  }

  /** Added to ones, or alone. */
  private static float[] product(Tensor a, Matrix b, Write write) {
    Shape shape = Shape.of(a.shape().dim(0), b.cols().size());
    Tensor out = Tensor.empty(DEVICE, DType.F32, shape);
    DEVICE.backend().fill(out, 1);
    DEVICE.backend().matmul(Matrix.of(a), b, Matrix.of(out), 0.3, write);
    return out.toFloatArray();
  }

  private static Tensor copy(Tensor view) {
    Tensor copy = Tensor.empty(DEVICE, view.dtype(), view.shape());
    DEVICE.backend().copy(view, copy);
    return copy;
  }

  private static Tensor uniform(long rows, long cols) {
    Tensor tensor = Tensor.empty(DEVICE, DType.F32, Shape.of(rows, cols));
    DEVICE.backend().uniform(42, 0, tensor);
    return tensor;
  }
}
