package dev.granula.tensor.internal.simd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.granula.tensor.Backend.LowRank;
import dev.granula.tensor.Backend.Product;
import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.ArrayList;
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
   * panel for three threads, (1, 140, 3000), (4, 600, 1100) and (3, 1850, 1050) are taken in groups
   * of panels, in chunks of rows or matrices, and matrices of 40 rows in slices of depth where the
   * right-hand side is row-major.
   */
  @ParameterizedTest
  @CsvSource({
    "9, 600, 140",
    "9, 500, 70",
    "1, 500, 20",
    "2, 130, 140",
    "1, 140, 3000",
    "4, 600, 1100",
    "3, 1850, 1050",
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

  /** Left-hand sides of their own for blocks of columns, in chunks of rows and groups of panels. */
  @Test
  void blocksOfColumnsGiveTheBitsOfEachAlone() {
    int blocks = 16;
    int width = 70;
    int rows = 530;
    Tensor x = uniform(rows, 8);
    Tensor weight = uniform(blocks * width, 8);
    Tensor u = uniform(blocks * rows, 1024).reshape(blocks, rows, 1024);
    Tensor b = uniform(blocks * 1024, width).reshape(blocks, 1024, width);
    float[] whole = sum(x, weight, u, b);
    for (int j = 0; j < blocks; j++) {
      Tensor part = weight.slice(0, j * width, (j + 1) * width);
      float[] alone = sum(x, part, u.slice(0, j, j + 1), b.slice(0, j, j + 1));
      for (int r = 0; r < rows; r++) {
        int from = (r * blocks + j) * width;
        assertArrayEquals(
            Arrays.copyOfRange(alone, r * width, (r + 1) * width),
            Arrays.copyOfRange(whole, from, from + width));
      }
    }
  }

  /** The base product and one product for each block of columns. */
  private static float[] sum(Tensor x, Tensor weight, Tensor u, Tensor b) {
    Tensor out = Tensor.empty(DEVICE, DType.F32, Shape.of(x.shape().dim(0), weight.shape().dim(0)));
    List<Product> products =
        List.of(
            new Product(Matrix.of(x), Matrix.of(weight).transpose(), 0.3),
            new Product(Matrix.of(u), Matrix.of(b), 0.7));
    DEVICE.backend().matmulSum(products, out, Write.SET);
    return out.toFloatArray();
  }

  /** Many short terms of which every other one has left-hand sides of its own for each column. */
  @Test
  void shortTermsInManyBlocksOfColumns() {
    int blocks = 1364;
    List<Product> products = new ArrayList<>();
    float[] expected = new float[12 * blocks];
    for (int i = 0; i < 8; i++) {
      Tensor x = uniform(12, 1);
      Tensor weight = uniform(1, blocks);
      Tensor u = uniform(blocks * 12, 1).reshape(blocks, 12, 1);
      Tensor b = uniform(blocks, 1).reshape(blocks, 1, 1);
      products.add(new Product(Matrix.of(x), Matrix.of(weight), 1));
      products.add(new Product(Matrix.of(u), Matrix.of(b), 1));
      for (int e = 0; e < expected.length; e++) {
        int row = e / blocks;
        int col = e % blocks;
        expected[e] += (float) (x.load(row) * weight.load(col));
        expected[e] += (float) (u.load(col * 12L + row) * b.load(col));
      }
    }
    Tensor out = Tensor.empty(DEVICE, DType.F32, Shape.of(12, blocks));
    DEVICE.backend().matmulSum(products, out, Write.SET);
    assertArrayEquals(expected, out.toFloatArray(), 1e-5f);
  }

  /** Chunks of rows and of depth, and more threads than panels. */
  @ParameterizedTest
  @CsvSource({"1900, 1000", "600, 1000"})
  void anyNumberOfThreadsGivesTheSameBits(int m, int n) {
    Tensor a = uniform(m, 2500);
    Tensor b = uniform(n, 2500);
    float[] byColumns = product(a, b);
    float[] byRows = product(a, Matrix.of(copy(b.transpose(0, 1))), Write.SET);
    assertArrayEquals(byColumns, byRows);
    for (int threads : new int[] {1, 20}) {
      try (CpuDevice device = CpuDevice.of("simd", threads, Memory.Debug.OFF)) {
        Tensor out = Tensor.empty(device, DType.F32, Shape.of(m, n));
        Matrix right = Matrix.of(b.to(device)).transpose();
        device.backend().matmul(Matrix.of(a.to(device)), right, Matrix.of(out), 0.3, Write.SET);
        assertArrayEquals(byColumns, out.toFloatArray());
      }
    }
  }

  /** Panels with updates in two chunks of rows, beside a term that stays one. */
  @Test
  void updatesOfPanelsGiveTheSameBitsOnAnyNumberOfThreads() {
    Tensor x = uniform(2000, 1024);
    Tensor weight = uniform(1100, 1024);
    Tensor down = uniform(4 * 256, 8);
    Tensor up = uniform(4 * 8, 275);
    Tensor general = uniform(1024, 5);
    Tensor back = uniform(5, 1100);
    float[] expected = updated(DEVICE, false, x, weight, down, up, general, back);
    float[] merged = updated(DEVICE, true, x, weight, down, up, general, back);
    assertArrayEquals(expected, merged, 1e-2f);
    assertFalse(Arrays.equals(expected, merged), "rounding shows that panels were updated");
    for (int threads : new int[] {1, 20}) {
      try (CpuDevice device = CpuDevice.of("simd", threads, Memory.Debug.OFF)) {
        assertArrayEquals(merged, updated(device, true, x, weight, down, up, general, back));
      }
    }
  }

  /** x, weight, down, up of k = 4 and r = 8, then the factors of a plain low-rank product. */
  private static float[] updated(CpuDevice device, boolean tell, Tensor... operands) {
    Tensor[] on = Arrays.stream(operands).map(t -> t.to(device)).toArray(Tensor[]::new);
    Matrix x = Matrix.of(on[0]);
    Matrix down = Matrix.of(on[2].reshape(4, 256, 8));
    Matrix up = Matrix.of(on[3].reshape(4, 8, 275));
    Tensor u = Tensor.empty(device, DType.F32, Shape.of(2000, 4, 8));
    Tensor v = Tensor.empty(device, DType.F32, Shape.of(2000, 5));
    Matrix ofBlocks = Matrix.of(u.permute(1, 0, 2));
    device.backend().matmul(Matrix.columnBlocks(on[0], 4), down, ofBlocks, 1, Write.SET);
    device.backend().matmul(x, Matrix.of(on[4]), Matrix.of(v), 1, Write.SET);
    Matrix runs = Matrix.grouped(u.reshape(2000, 4, 4, 2).permute(2, 0, 1, 3), 1, 1);
    LowRank first = tell ? new LowRank(x, down, 1) : null;
    LowRank second = tell ? new LowRank(x, Matrix.of(on[4]), 1) : null;
    Tensor out = Tensor.empty(device, DType.F32, Shape.of(2000, 1100));
    List<Product> products =
        List.of(
            new Product(x, Matrix.of(on[1]).transpose(), 1),
            new Product(runs, up, 0.5, first),
            new Product(Matrix.of(v), Matrix.of(on[5]), 0.5, second));
    device.backend().matmulSum(products, out, Write.SET);
    return out.toFloatArray();
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
