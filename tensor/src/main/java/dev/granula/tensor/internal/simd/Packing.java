package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.COLS;
import static dev.granula.tensor.internal.simd.Simd.F32;
import static dev.granula.tensor.internal.simd.Simd.LANES;

import dev.granula.tensor.Axis;
import dev.granula.tensor.DType;
import dev.granula.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Copies blocks of strided F32 or BF16 matrices in native memory to row-major F32 heap panels. Axes
 * of two levels are cut into runs with a single stride; each run is read along its unit stride, by
 * vectors.
 */
final class Packing {
  private final MemorySegment memory;
  private final boolean bf16;
  private final long start;
  private final Axis rows;
  private final Axis cols;
  private final @Nullable Transposition transposition;

  /**
   * @param memory the storage
   * @param bf16 element type: BF16, else F32
   * @param start storage offset of element (0, 0), in elements
   */
  Packing(MemorySegment memory, boolean bf16, long start, Axis rows, Axis cols) {
    this.memory = memory;
    this.bf16 = bf16;
    this.start = start;
    this.rows = rows;
    this.cols = cols;
    boolean transposed = rows.innerStride() == 1 && cols.innerStride() != 1;
    transposition = transposed ? new Transposition() : null;
  }

  /** Of one matrix of a batch. */
  static Packing of(Matrix matrices, long number) {
    boolean bf16 = matrices.tensor().dtype() == DType.BF16;
    long start = matrices.batchOffset(number);
    return new Packing(matrices.tensor().memory(), bf16, start, matrices.rows(), matrices.cols());
  }

  /** Element (r, c) of the block goes to {@code to[at + (r - row) * stride + c - col]}. */
  void copy(long row, int rowCount, long col, int colCount, float[] to, int at, int stride) {
    for (int r = 0, height; r < rowCount; r += height) {
      height = run(rows, row + r, rowCount - r);
      for (int c = 0, width; c < colCount; c += width) {
        width = run(cols, col + c, colCount - c);
        long from = start + rows.offset(row + r) + cols.offset(col + c);
        copyRun(from, height, width, to, at + r * stride + c, stride);
      }
    }
  }

  /**
   * Copies columns to neighbouring right-hand panels, whose rows are {@link MatmulKernel#stride}
   * apart. Row {@code row} goes to the first step of depth of the strip. Where the elements of a
   * row lie one behind the other, rows are read through all panels: panel by panel, they would come
   * from memory in pieces too short for the processor to fetch ahead.
   */
  void copyPanels(long row, int rowCount, PanelStrip strip) {
    boolean byRows = cols.innerStride() == 1 && cols.isUniform() && rows.isUniform();
    int whole = byRows ? strip.cols() / COLS : 0;
    if (whole > 0) {
      int first = strip.place(0, 0);
      copyRowsToPanels(
          row, rowCount, strip.col(), whole, strip.floats(), first, strip.panelFloats());
    }
    for (int p = whole; p * COLS < strip.cols(); p++) {
      long col = strip.col() + p * COLS;
      int to = strip.place(p, 0);
      copy(row, rowCount, col, strip.width(p), strip.floats(), to, strip.stride(p));
    }
  }

  private void copyRowsToPanels(
      long row, int rowCount, long col, int panels, float[] to, int at, int panelFloats) {
    for (int r = 0; r < rowCount; r++) {
      long from = start + rows.offset(row + r) + cols.offset(col);
      for (int p = 0; p < panels; p++) {
        int target = at + p * panelFloats + r * COLS;
        for (int c = 0; c < COLS; c += LANES) {
          Simd.load(memory, bf16, from + p * COLS + c).intoArray(to, target + c);
        }
      }
    }
  }

  /** How many of the {@code wanted} elements from {@code i} on have one stride. */
  static int run(Axis axis, long i, int wanted) {
    return axis.isUniform() ? wanted : (int) Math.min(wanted, axis.inner() - i % axis.inner());
  }

  private void copyRun(long from, int height, int width, float[] to, int at, int stride) {
    if (transposition != null) {
      transpose(transposition, from, height, width, to, at, stride);
    } else if (cols.innerStride() == 1 || width == 1) {
      copyRows(from, height, width, to, at, stride);
    } else {
      gather(from, height, width, to, at, stride);
    }
  }

  private void copyRows(long from, int height, int width, float[] to, int at, int stride) {
    int bound = F32.loopBound(width);
    int fours = height - height % 4;
    copyFourRows(from, fours, bound, to, at, stride);
    for (int r = fours; r < height; r++) {
      long row = from + r * rows.innerStride();
      int target = at + r * stride;
      for (int c = 0; c < bound; c += LANES) {
        Simd.load(memory, bf16, row + c).intoArray(to, target + c);
      }
    }
    gather(from + bound, height, width - bound, to, at + bound, stride);
  }

  /** Four rows side by side: the processor fetches ahead in each page of memory by itself. */
  private void copyFourRows(long from, int height, int width, float[] to, int at, int stride) {
    long step = rows.innerStride();
    for (int r = 0; r < height; r += 4) {
      long row = from + r * step;
      int target = at + r * stride;
      for (int c = 0; c < width; c += LANES) {
        FloatVector x0 = Simd.load(memory, bf16, row + c);
        FloatVector x1 = Simd.load(memory, bf16, row + step + c);
        FloatVector x2 = Simd.load(memory, bf16, row + 2 * step + c);
        FloatVector x3 = Simd.load(memory, bf16, row + 3 * step + c);
        x0.intoArray(to, target + c);
        x1.intoArray(to, target + stride + c);
        x2.intoArray(to, target + 2 * stride + c);
        x3.intoArray(to, target + 3 * stride + c);
      }
    }
  }

  /** Whole blocks by vectors, what remains at the right and below element by element. */
  private void transpose(
      Transposition blocks, long from, int height, int width, float[] to, int at, int stride) {
    long step = cols.innerStride();
    int down = F32.loopBound(height);
    int across = F32.loopBound(width);
    for (int c = 0; c < across; c += LANES) {
      for (int r = 0; r < down; r += LANES) {
        blocks.block(memory, bf16, from + r + c * step, step, to, at + r * stride + c, stride);
      }
    }
    gather(from + across * step, down, width - across, to, at + across, stride);
    gather(from + down, height - down, width, to, at + down * stride, stride);
  }

  private void gather(long from, int height, int width, float[] to, int at, int stride) {
    for (int r = 0; r < height; r++) {
      long row = from + r * rows.innerStride();
      for (int c = 0; c < width; c++) {
        to[at + r * stride + c] = Simd.loadScalar(memory, bf16, row + c * cols.innerStride());
      }
    }
  }
}
