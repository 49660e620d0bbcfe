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
 * as dot products of {@link StreamedDots#COUNT} columns at a time, stored as [K, N] as sums of four
 * scaled rows at a time. Each result has one order of summation whatever the threads.
 */
final class VectorProduct {
  /** With more rows, packing pays. */
  static final int MAX_ROWS = 4;

  private static final int GROUP = 4;

  private static final int STREAMS = StreamedDots.COUNT;

  /** Columns of a task: four rows of them, in F32, fill half of a first-level cache. */
  private static final int MAX_COLS = 1024;

  private static final int MIN_COLS = 64;

  /** Tasks of a thread, so that a thread that is held up leaves work to the others. */
  private static final long TASKS = 4;

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
    long share = Math.clamp(Math.ceilDiv(n, TASKS * scratch.threads()), MIN_COLS, MAX_COLS);
    colsPerTask = dots ? dotsPerTask((int) share) : (int) Math.ceilDiv(share, LANES) * LANES;
  }

  /**
   * About {@code share}, an odd number for each stream: with an even one the streams of common
   * depths, multiples of a large power of two, would fall on the same sets of the caches and enter
   * new pages all at once.
   */
  private static int dotsPerTask(int share) {
    return ((share / STREAMS - 1) | 1) * STREAMS;
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
    float[] sums = new float[m * MAX_COLS];
    if (dots) {
      sumDots(start, count, sums);
    } else {
      sumRows(start, count, sums);
    }
    store(from, count, sums);
  }

  /** {@code sums[i * MAX_COLS + c]} = row i times column c. */
  private void sumDots(long start, int count, float[] sums) {
    float[] rows = scratch.shared();
    float[] lanes = new float[STREAMS * LANES];
    int whole = F32.loopBound(k);
    int distance = count / STREAMS;
    for (int c = 0; c < distance; c++) {
      for (int i = 0; i < m; i++) {
        StreamedDots.sum(
            memory, bf16, start + c * stride, distance * stride, rows, i * k, whole, lanes);
        for (int j = 0; j < STREAMS; j++) {
          int column = c + j * distance;
          float sum = LaneSum.of(FloatVector.fromArray(F32, lanes, j * LANES));
          sums[i * MAX_COLS + column] = addTail(sum, start + column * stride, i * k);
        }
      }
    }
    for (int c = STREAMS * distance; c < count; c++) {
      for (int i = 0; i < m; i++) {
        sums[i * MAX_COLS + c] = dot(start + c * stride, i * k);
      }
    }
  }

  /** The last, incomplete vector of the depth. */
  private float addTail(float sum, long column, int row) {
    float[] rows = scratch.shared();
    for (int d = F32.loopBound(k); d < k; d++) {
      sum = Math.fma(rows[row + d], Simd.loadScalar(memory, bf16, column + d), sum);
    }
    return sum;
  }

  private float dot(long column, int row) {
    float[] rows = scratch.shared();
    int bound = F32.loopBound(k);
    FloatVector sum = FloatVector.zero(F32);
    for (int d = 0; d < bound; d += LANES) {
      FloatVector x = FloatVector.fromArray(F32, rows, row + d);
      sum = x.fma(Simd.load(memory, bf16, column + d), sum);
    }
    return addTail(LaneSum.of(sum), column, row);
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
