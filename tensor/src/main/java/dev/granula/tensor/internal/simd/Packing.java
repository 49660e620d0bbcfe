package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.Simd.F32;
import static dev.granula.tensor.internal.simd.Simd.LANES;
import static dev.granula.tensor.internal.simd.Simd.ORDER;

import dev.granula.tensor.Axis;
import dev.granula.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;

/**
 * Copies blocks of strided F32 or BF16 matrices in native memory to row-major F32 heap panels. Axes
 * of two levels are cut into runs with a single stride; each run is copied along its unit stride.
 *
 * @param memory the storage
 * @param bf16 element type: BF16, else F32
 * @param start storage offset of element (0, 0), in elements
 */
record Packing(MemorySegment memory, boolean bf16, long start, Axis rows, Axis cols) {
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

  /** How many of the {@code wanted} elements from {@code i} on have one stride. */
  static int run(Axis axis, long i, int wanted) {
    return axis.isUniform() ? wanted : (int) Math.min(wanted, axis.inner() - i % axis.inner());
  }

  private void copyRun(long from, int height, int width, float[] to, int at, int stride) {
    long rowStride = rows.innerStride();
    long colStride = cols.innerStride();
    if (colStride == 1 || width == 1) {
      if (bf16) {
        copyRowsBf16(from, rowStride, height, width, to, at, stride);
      } else {
        copyRowsF32(from, rowStride, height, width, to, at, stride);
      }
    } else if (bf16) {
      gatherBf16(from, rowStride, colStride, height, width, to, at, stride);
    } else {
      gatherF32(from, rowStride, colStride, height, width, to, at, stride);
    }
  }

  private void copyRowsF32(
      long from, long rowStride, int height, int width, float[] to, int at, int stride) {
    int bound = F32.loopBound(width);
    for (int r = 0; r < height; r++) {
      long row = from + r * rowStride;
      int target = at + r * stride;
      for (int c = 0; c < bound; c += LANES) {
        FloatVector.fromMemorySegment(F32, memory, (row + c) * 4, ORDER).intoArray(to, target + c);
      }
      for (int c = bound; c < width; c++) {
        to[target + c] = memory.getAtIndex(ValueLayout.JAVA_FLOAT, row + c);
      }
    }
  }

  private void copyRowsBf16(
      long from, long rowStride, int height, int width, float[] to, int at, int stride) {
    int bound = F32.loopBound(width);
    for (int r = 0; r < height; r++) {
      long row = from + r * rowStride;
      int target = at + r * stride;
      for (int c = 0; c < bound; c += LANES) {
        ShortVector bits = ShortVector.fromMemorySegment(Simd.BF16, memory, (row + c) * 2, ORDER);
        Simd.widen(bits).intoArray(to, target + c);
      }
      for (int c = bound; c < width; c++) {
        to[target + c] = DType.bf16ToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, row + c));
      }
    }
  }

  private void gatherF32(
      long from,
      long rowStride,
      long colStride,
      int height,
      int width,
      float[] to,
      int at,
      int stride) {
    for (int r = 0; r < height; r++) {
      long row = from + r * rowStride;
      for (int c = 0; c < width; c++) {
        to[at + r * stride + c] = memory.getAtIndex(ValueLayout.JAVA_FLOAT, row + c * colStride);
      }
    }
  }

  private void gatherBf16(
      long from,
      long rowStride,
      long colStride,
      int height,
      int width,
      float[] to,
      int at,
      int stride) {
    for (int r = 0; r < height; r++) {
      long row = from + r * rowStride;
      for (int c = 0; c < width; c++) {
        short bits = memory.getAtIndex(ValueLayout.JAVA_SHORT, row + c * colStride);
        to[at + r * stride + c] = DType.bf16ToFloat(bits);
      }
    }
  }
}
