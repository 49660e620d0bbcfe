package dev.granula.tensor.conformance;

import dev.granula.tensor.Backend.LowRank;
import dev.granula.tensor.Backend.Product;
import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Matrix products: every side transposed, strided, regrouped, batched, empty. */
public interface MatmulConformance extends Conformance {
  /** Sizes around the tiles and blocks of usual kernels, and far from any multiple. */
  @ParameterizedTest
  @CsvSource({
    "1, 1, 1",
    "1, 7, 5",
    "3, 1, 17",
    "4, 16, 8",
    "5, 17, 3",
    "8, 32, 64",
    "13, 29, 31",
    "33, 65, 257",
    "64, 48, 512",
    "70, 131, 300",
    "1, 200, 130",
    "2, 3, 1030"
  })
  default void matmul_sizes(int m, int n, int k) {
    for (Write write : Write.values()) {
      compare(
          Tolerances.PRODUCT,
          run -> {
            Tensor a = run.normal(DType.F32, m, k);
            Tensor b = run.normal(DType.F32, k, n);
            Tensor out = run.output(write, DType.F32, m, n);
            run.backend().matmul(Matrix.of(a), Matrix.of(b), Matrix.of(out), 1, write);
          });
    }
  }

  @ParameterizedTest
  @CsvSource({"true, false", "false, true", "true, true"})
  default void matmul_transposed(boolean left, boolean right) {
    for (int n : new int[] {6, 37}) {
      compare(
          Tolerances.PRODUCT,
          run -> {
            Tensor a = left ? run.normal(DType.F32, 45, 19) : run.normal(DType.F32, 19, 45);
            Tensor b = right ? run.normal(DType.F32, n, 45) : run.normal(DType.F32, 45, n);
            Tensor out = run.output(Write.SET, DType.F32, 19, n);
            run.backend()
                .matmul(
                    left ? Matrix.of(a).transpose() : Matrix.of(a),
                    right ? Matrix.of(b).transpose() : Matrix.of(b),
                    Matrix.of(out),
                    0.5,
                    Write.SET);
          });
    }
  }

  /** A transposed view instead of a transposed reading, and a transposed output. */
  @ParameterizedTest
  @EnumSource(Write.class)
  default void matmul_views(Write write) {
    compare(
        Tolerances.PRODUCT,
        run -> {
          Tensor a = run.normal(DType.F32, 50, 23).transpose(0, 1).slice(1, 3, 45);
          Tensor b = run.normal(DType.F32, 60, 40).slice(0, 5, 47).slice(1, 2, 33);
          Tensor out = run.output(write, DType.F32, 40, 30).slice(1, 4, 27).slice(0, 1, 32);
          run.backend().matmul(Matrix.of(a), Matrix.of(b), Matrix.of(out).transpose(), -2, write);
        });
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"BF16", "F16", "F64"})
  default void matmul_rightHandSideTypes(DType dtype) {
    for (boolean transposed : new boolean[] {false, true}) {
      DType activations = dtype == DType.F64 ? DType.F64 : DType.F32;
      compare(
          Tolerances.PRODUCT,
          run -> {
            Tensor a = run.normal(activations, 9, 67);
            Tensor b = transposed ? run.normal(dtype, 35, 67) : run.normal(dtype, 67, 35);
            Matrix right = transposed ? Matrix.of(b).transpose() : Matrix.of(b);
            Tensor out = run.output(Write.SET, activations, 9, 35);
            run.backend().matmul(Matrix.of(a), right, Matrix.of(out), 1, Write.SET);
          });
    }
  }

  @ParameterizedTest
  @EnumSource(Write.class)
  default void matmul_batches(Write write) {
    compare(
        Tolerances.PRODUCT,
        run -> {
          Tensor a = run.normal(DType.F32, 2, 5, 3, 11).permute(0, 2, 1, 3);
          Tensor b = run.normal(DType.F32, 3, 11, 7).expand(Shape.of(2, 3, 11, 7));
          Tensor out = run.output(write, DType.F32, 2, 5, 3, 7).permute(0, 2, 1, 3);
          run.backend().matmul(Matrix.of(a), Matrix.of(b), Matrix.of(out), 1, write);
        });
  }

  /** Activations of several dimensions against one weight. */
  @ParameterizedTest
  @EnumSource(Write.class)
  default void matmul_flatRows(Write write) {
    compare(
        Tolerances.PRODUCT,
        run -> {
          Tensor a = run.normal(DType.F32, 3, 5, 20);
          Tensor b = run.normal(DType.F32, 24, 20);
          Tensor out = run.output(write, DType.F32, 3, 5, 24);
          run.backend()
              .matmul(Matrix.flat(a), Matrix.of(b).transpose(), Matrix.flat(out), 1, write);
        });
  }

  /**
   * GraLoRA's permuted rank axis: k blocks of r ranks each, read as k x k runs of r/k, so that rows
   * and columns have two levels.
   */
  @ParameterizedTest
  @CsvSource({"2, 8", "4, 8", "2, 6", "4, 12", "2, 2"})
  default void matmul_groupedAxes(int blocks, int rank) {
    int run1 = rank / blocks;
    compare(
        Tolerances.PRODUCT,
        run -> {
          Tensor u = run.normal(DType.F32, 21, blocks, blocks, run1).permute(2, 0, 1, 3);
          Tensor b = run.normal(DType.F32, blocks, rank, 10);
          Tensor out = run.output(Write.ADD, DType.F32, 21, blocks, 10).permute(1, 0, 2);
          run.backend()
              .matmul(Matrix.grouped(u, 1, 1), Matrix.of(b), Matrix.of(out), 0.25, Write.ADD);
        });
    compare(
        Tolerances.PRODUCT,
        run -> {
          Tensor u = run.normal(DType.F32, 21, blocks, blocks, run1).permute(2, 0, 1, 3);
          Tensor g = run.normal(DType.F32, 21, blocks, 10).permute(1, 0, 2);
          Tensor out = run.output(Write.SET, DType.F32, blocks, rank, 10);
          run.backend()
              .matmul(
                  Matrix.grouped(u, 1, 1).transpose(), Matrix.of(g), Matrix.of(out), 1, Write.SET);
        });
  }

  /** Both sides and the output in either order, the right-hand side also in BF16. */
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  default void matmul_layouts(DType dtype) {
    for (int layout = 0; layout < 8; layout++) {
      boolean left = (layout & 1) != 0;
      boolean right = (layout & 2) != 0;
      boolean result = (layout & 4) != 0;
      for (int m : new int[] {1, 2, 9, 66}) {
        compare(
            Tolerances.PRODUCT,
            run -> {
              Matrix a = matrix(run.normal(DType.F32, left ? 70 : m, left ? m : 70), left);
              Matrix b = matrix(run.normal(dtype, right ? 41 : 70, right ? 70 : 41), right);
              Tensor out = run.output(Write.ADD, DType.F32, result ? 41 : m, result ? m : 41);
              run.backend().matmul(a, b, matrix(out, result), 3, Write.ADD);
            });
      }
    }
  }

  private static Matrix matrix(Tensor tensor, boolean transposed) {
    return transposed ? Matrix.of(tensor).transpose() : Matrix.of(tensor);
  }

  /** Wide and deep, as a vocabulary is: several blocks on both sides of the weight. */
  @ParameterizedTest
  @CsvSource({"1, false", "1, true", "6, false", "6, true"})
  default void matmul_wide(int m, boolean transposed) {
    compare(
        Tolerances.PRODUCT,
        run -> {
          Tensor a = run.normal(DType.F32, m, 515);
          Tensor b =
              transposed ? run.normal(DType.BF16, 8250, 515) : run.normal(DType.BF16, 515, 8250);
          Tensor out = run.output(Write.SET, DType.F32, m, 8250);
          run.backend().matmul(Matrix.of(a), matrix(b, transposed), Matrix.of(out), 1, Write.SET);
        });
  }

  /**
   * A weight and the blocks of an adapter on it: blocks that do and do not end where tiles do, and
   * depths that are cut.
   */
  @ParameterizedTest
  @CsvSource({
    "2, 6, 9, 21",
    "2, 74, 70, 520",
    "4, 36, 30, 41",
    "2, 64, 13, 1100",
    "1, 65, 7, 33",
    "3, 5, 2, 17",
    "2, 150, 50, 513",
    "2, 74, 530, 520",
    "2, 74, 30, 1376",
    "4, 36, 30, 2100",
    "2, 9, 530, 1376"
  })
  default void matmulSum_blocks(int blocks, int width, int m, int depth) {
    for (Write write : Write.values()) {
      for (DType dtype : new DType[] {DType.F32, DType.BF16, DType.F64}) {
        DType activations = dtype == DType.F64 ? DType.F64 : DType.F32;
        int rank = 3 * blocks;
        compare(
            Tolerances.PRODUCT,
            run -> {
              Tensor x = run.normal(activations, m, depth);
              Tensor weight = run.normal(dtype, blocks * width, depth);
              Tensor u = run.normal(activations, m, blocks, blocks, 3).permute(2, 0, 1, 3);
              Tensor b = run.normal(activations, blocks, rank, width);
              Tensor v = run.normal(activations, m, 5);
              Tensor general = run.normal(activations, blocks * width, 5);
              Tensor out = run.output(write, activations, m, blocks * width);
              run.backend()
                  .matmulSum(
                      List.of(
                          new Product(Matrix.of(x), Matrix.of(weight).transpose(), 1),
                          new Product(Matrix.grouped(u, 1, 1), Matrix.of(b), 0.5),
                          new Product(Matrix.of(v), Matrix.of(general).transpose(), -2)),
                      out,
                      write);
            });
      }
    }
  }

  /**
   * Adapters that say what their left-hand side was made from, with so many rows that a back end
   * may add them to the weight instead: blocks that do and do not end where tiles do, in both forms
   * of the weight.
   */
  @ParameterizedTest
  @CsvSource({
    "2, 64, 100, 32, 16",
    "4, 32, 600, 40, 8",
    "1, 200, 530, 33, 5",
    "3, 50, 140, 45, 7",
    "2, 150, 270, 100, 16",
    "2, 9, 560, 7, 1",
    "4, 66, 340, 130, 3",
    "4, 9, 700, 275, 3",
    "1, 70, 30, 8, 1300"
  })
  default void matmulSum_lowRank(int blocks, int width, int m, int depth, int run) {
    int rank = run * blocks;
    for (DType dtype : new DType[] {DType.F32, DType.BF16}) {
      for (boolean transposed : new boolean[] {false, true}) {
        compare(
            Tolerances.PRODUCT,
            with -> {
              Tensor x = with.normal(DType.F32, m, blocks * depth);
              Tensor weight = weight(with, dtype, transposed, blocks * depth, blocks * width);
              Tensor down = with.normal(DType.F32, blocks, depth, rank);
              Tensor b = with.normal(DType.F32, blocks, rank, width);
              Tensor u = with.output(Write.SET, DType.F32, m, blocks, rank);
              Matrix ofBlocks = Matrix.of(u.permute(1, 0, 2));
              Matrix in = Matrix.columnBlocks(x, blocks);
              with.backend().matmul(in, Matrix.of(down), ofBlocks, 0.5, Write.SET);
              Tensor runs = u.reshape(m, blocks, blocks, run).permute(2, 0, 1, 3);
              LowRank origin = new LowRank(Matrix.of(x), Matrix.of(down), 0.5);
              Tensor out = with.output(Write.ADD, DType.F32, m, blocks * width);
              List<Product> products =
                  List.of(
                      new Product(Matrix.of(x), Matrix.of(weight), 1),
                      new Product(Matrix.grouped(runs, 1, 1), Matrix.of(b), -0.7, origin));
              with.backend().matmulSum(products, out, Write.ADD);
            });
      }
    }
  }

  private static Tensor weight(Run run, DType dtype, boolean transposed, long rows, long cols) {
    return transposed
        ? run.normal(dtype, cols, rows).transpose(0, 1)
        : run.normal(dtype, rows, cols);
  }

  /** Many terms, in blocks of two kinds. */
  @ParameterizedTest
  @CsvSource({"2, 2, 2, 2", "2, 1, 4, 1", "1, 1, 1, 1"})
  default void matmulSum_manyTerms(int first, int second, int third, int fourth) {
    int[] blocks = {1, first, second, third, fourth};
    compare(
        Tolerances.PRODUCT,
        run -> {
          List<Product> products = new ArrayList<>();
          for (int k : blocks) {
            Tensor a = run.normal(DType.F32, k, 30, 20);
            Tensor b = run.normal(DType.F32, k, 20, 80 / k);
            products.add(new Product(Matrix.of(a), Matrix.of(b), 0.5 * products.size() + 1));
          }
          Tensor out = run.output(Write.SET, DType.F32, 30, 80);
          run.backend().matmulSum(products, out, Write.SET);
        });
  }

  /** A sum over nothing is 0, and nothing to write is no error. */
  @ParameterizedTest
  @CsvSource({"0, 4, 5", "3, 0, 5", "3, 4, 0"})
  default void matmul_empty(int m, int n, int k) {
    for (Write write : Write.values()) {
      compare(
          Tolerances.EXACT,
          run -> {
            Tensor a = run.normal(DType.F32, m, k);
            Tensor b = run.normal(DType.F32, k, n);
            Tensor out = run.output(write, DType.F32, m, n);
            run.backend().matmul(Matrix.of(a), Matrix.of(b), Matrix.of(out), 1, write);
          });
    }
  }
}
