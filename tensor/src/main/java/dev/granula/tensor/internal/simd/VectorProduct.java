package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.Simd.F32;
import static dev.granula.tensor.internal.simd.Simd.LANES;

import dev.granula.tensor.Axis;
import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * A product with few left-hand rows, as in decoding: memory is what it waits for, so the right-hand
 * side is read once, where it lies, and nothing is packed but the rows. Stored as [N, K] it is read
 * as dot products of four columns at a time, stored as [K, N] as sums of four scaled rows at a
 * time. Each result has one order of summation whatever the threads.
 */
final class VectorProduct {
  /** With more rows, packing pays. */
  static final int MAX_ROWS = 4;

  private static final int GROUP = 4;

  /** Columns of a task: four rows of them, in F32, fill half of a first-level cache. */
  private static final int MAX_COLS = 1024;

  private static final int MIN_COLS = 64;

  private final Matrix a;
  private final Matrix b;
  private final Matrix out;
  private final float scale;
  private final boolean add;
  private final MatmulScratch scratch;
  private final MemorySegment memory;
  private final boolean bf16;
  private final boolean dots;
  private final long stride;
  private final int m;
  private final int k;
  private final long n;
  private final int colsPerTask;
  private long matrix;

  private VectorProduct(
      Matrix a, Matrix b, Matrix out, float scale, boolean add, MatmulScratch scratch) {
    this.a = a;
    this.b = b;
    this.out = out;
    this.scale = scale;
    this.add = add;
    this.scratch = scratch;
    memory = b.tensor().memory();
    bf16 = b.tensor().dtype() == DType.BF16;
    dots = b.rows().innerStride() == 1;
    stride = dots ? b.cols().innerStride() : b.rows().innerStride();
    m = (int) a.rows().size();
    k = (int) a.cols().size();
    n = b.cols().size();
    long share = Math.ceilDiv(n, 4L * scratch.threads());
    long rounded = Math.ceilDiv(share, LANES) * LANES;
    colsPerTask = (int) Math.clamp(rounded, MIN_COLS, MAX_COLS);
  }

  /** True if the product has few rows and its right-hand side can be read as it lies. */
  static boolean supports(Matrix a, Matrix b) {
    Axis rows = b.rows();
    Axis cols = b.cols();
    return a.rows().size() <= MAX_ROWS
        && rows.size() <= Integer.MAX_VALUE / MAX_ROWS
        && rows.isUniform()
        && cols.isUniform()
        && (rows.innerStride() == 1 || cols.innerStride() == 1);
  }

  static void run(Matrix a, Matrix b, Matrix out, float scale, boolean add, MatmulScratch scratch) {
    new VectorProduct(a, b, out, scale, add, scratch).run();
  }

  private void run() {
    scratch.reserveShared(m * k);
    int tasks = Math.toIntExact(Math.ceilDiv(n, colsPerTask));
    for (matrix = 0; matrix < out.batch(); matrix++) {
      new Packing(a.tensor().memory(), false, a.batchOffset(matrix), a.rows(), a.cols())
          .copy(0, m, 0, k, scratch.shared(), 0, k);
      scratch.run(tasks, n * k, this::columns);
    }
  }

  private void columns(int task, int worker) {
    long from = (long) task * colsPerTask;
    int count = (int) Math.min(colsPerTask, n - from);
    long start = b.batchOffset(matrix) + from * b.cols().innerStride();
    float[] sums = new float[MAX_ROWS * MAX_COLS];
    if (dots) {
      sumDots(start, count, sums);
    } else {
      sumRows(start, count, sums);
    }
    store(from, count, sums);
  }

  /** {@code sums[i * MAX_COLS + c]} = row i times column c. */
  private void sumDots(long start, int count, float[] sums) {
    float[] lanes = new float[GROUP * LANES];
    for (int c = 0; c < count; c += GROUP) {
      int columns = Math.min(GROUP, count - c);
      for (int i = 0; i < m; i++) {
        if (columns == GROUP) {
          dot4(start + c * stride, i * k, lanes);
        } else {
          Arrays.fill(lanes, 0);
          for (int j = 0; j < columns; j++) {
            dot1(start + (c + j) * stride, i * k, lanes, j * LANES);
          }
        }
        finishDots(start + c * stride, columns, i * k, lanes, sums, i * MAX_COLS + c);
      }
    }
  }

  /** The last, incomplete vector of the depth, and the lanes in their order. */
  private void finishDots(long column, int columns, int row, float[] lanes, float[] sums, int at) {
    float[] rows = scratch.shared();
    float sum0 = 0;
    float sum1 = 0;
    float sum2 = 0;
    float sum3 = 0;
    for (int lane = 0; lane < LANES; lane++) {
      sum0 += lanes[lane];
      sum1 += lanes[LANES + lane];
      sum2 += lanes[2 * LANES + lane];
      sum3 += lanes[3 * LANES + lane];
    }
    sums[at] = sum0;
    sums[at + 1] = sum1;
    sums[at + 2] = sum2;
    sums[at + 3] = sum3;
    for (int d = F32.loopBound(k); d < k; d++) {
      for (int j = 0; j < columns; j++) {
        sums[at + j] =
            Math.fma(
                rows[row + d],
                Simd.loadScalar(memory, bf16, column + j * stride + d),
                sums[at + j]);
      }
    }
  }

  private void dot4(long column, int row, float[] lanes) {
    float[] rows = scratch.shared();
    int bound = F32.loopBound(k);
    FloatVector s0 = FloatVector.zero(F32);
    FloatVector s1 = FloatVector.zero(F32);
    FloatVector s2 = FloatVector.zero(F32);
    FloatVector s3 = FloatVector.zero(F32);
    for (int d = 0; d < bound; d += LANES) {
      FloatVector x = FloatVector.fromArray(F32, rows, row + d);
      s0 = x.fma(Simd.load(memory, bf16, column + d), s0);
      s1 = x.fma(Simd.load(memory, bf16, column + stride + d), s1);
      s2 = x.fma(Simd.load(memory, bf16, column + 2 * stride + d), s2);
      s3 = x.fma(Simd.load(memory, bf16, column + 3 * stride + d), s3);
    }
    s0.intoArray(lanes, 0);
    s1.intoArray(lanes, LANES);
    s2.intoArray(lanes, 2 * LANES);
    s3.intoArray(lanes, 3 * LANES);
  }

  private void dot1(long column, int row, float[] lanes, int at) {
    float[] rows = scratch.shared();
    int bound = F32.loopBound(k);
    FloatVector sum = FloatVector.zero(F32);
    for (int d = 0; d < bound; d += LANES) {
      FloatVector x = FloatVector.fromArray(F32, rows, row + d);
      sum = x.fma(Simd.load(memory, bf16, column + d), sum);
    }
    sum.intoArray(lanes, at);
  }

  private void sumRows(long start, int count, float[] sums) {
    float[] rows = scratch.shared();
    Arrays.fill(sums, 0, m * MAX_COLS, 0);
    int bound = k - k % GROUP;
    for (int d = 0; d < bound; d += GROUP) {
      for (int i = 0; i < m; i++) {
        addRows4(start + d * stride, count, rows, i * k + d, sums, i * MAX_COLS);
      }
    }
    for (int d = bound; d < k; d++) {
      for (int i = 0; i < m; i++) {
        addRow(start + d * stride, 0, count, rows[i * k + d], sums, i * MAX_COLS);
      }
    }
  }

  private void addRows4(long from, int count, float[] rows, int row, float[] sums, int at) {
    int bound = F32.loopBound(count);
    FloatVector x0 = FloatVector.broadcast(F32, rows[row]);
    FloatVector x1 = FloatVector.broadcast(F32, rows[row + 1]);
    FloatVector x2 = FloatVector.broadcast(F32, rows[row + 2]);
    FloatVector x3 = FloatVector.broadcast(F32, rows[row + 3]);
    for (int c = 0; c < bound; c += LANES) {
      FloatVector sum = FloatVector.fromArray(F32, sums, at + c);
      sum = x0.fma(Simd.load(memory, bf16, from + c), sum);
      sum = x1.fma(Simd.load(memory, bf16, from + stride + c), sum);
      sum = x2.fma(Simd.load(memory, bf16, from + 2 * stride + c), sum);
      sum = x3.fma(Simd.load(memory, bf16, from + 3 * stride + c), sum);
      sum.intoArray(sums, at + c);
    }
    for (int r = 0; r < GROUP && bound < count; r++) {
      addRow(from + r * stride, bound, count, rows[row + r], sums, at);
    }
  }

  private void addRow(long from, int first, int count, float x, float[] sums, int at) {
    for (int c = first; c < count; c++) {
      sums[at + c] = Math.fma(x, Simd.loadScalar(memory, bf16, from + c), sums[at + c]);
    }
  }

  private void store(long col, int count, float[] sums) {
    Tensor tensor = out.tensor();
    MemorySegment target = tensor.memory();
    Axis rows = out.rows();
    Axis cols = out.cols();
    for (int i = 0; i < m; i++) {
      long row = out.batchOffset(matrix) + rows.offset(i);
      for (int c = 0; c < count; c++) {
        long at = row + cols.offset(col + c);
        float sum = sums[i * MAX_COLS + c];
        float value =
            add ? Math.fma(sum, scale, target.getAtIndex(ValueLayout.JAVA_FLOAT, at)) : sum * scale;
        target.setAtIndex(ValueLayout.JAVA_FLOAT, at, value);
      }
    }
  }
}
