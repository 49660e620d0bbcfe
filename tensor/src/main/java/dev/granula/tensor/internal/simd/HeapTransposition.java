package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.AttentionTiles.STRIDE;
import static dev.granula.tensor.internal.simd.Simd.F32;
import static dev.granula.tensor.internal.simd.Simd.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Transposes matrices with a row stride of {@link AttentionTiles#STRIDE} inside one heap array, in
 * square blocks of vector width, by the same perfect shuffles as {@link Transposition}.
 */
final class HeapTransposition {
  private static final int BLOCK = LANES * LANES;
  private static final IntVector LOWER = interleaved(0);
  private static final IntVector UPPER = interleaved(LANES / 2);

  private float[] rows = new float[BLOCK];
  private float[] spare = new float[BLOCK];

  /** Lanes 0, n, 1, n + 1, ... of two vectors of n lanes: the interleaved lower or upper halves. */
  private static IntVector interleaved(int first) {
    int[] lanes = new int[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = first + i / 2 + i % 2 * LANES;
    }
    return IntVector.fromArray(Simd.I32, lanes, 0);
  }

  /** Element (r, c) at {@code from} becomes (c, r) at {@code to}; whole blocks are moved. */
  void run(float[] f, int from, int to, int rowCount, int columnCount) {
    for (int r = 0; r < rowCount; r += LANES) {
      for (int c = 0; c < columnCount; c += LANES) {
        block(f, from + r * STRIDE + c, to + c * STRIDE + r);
      }
    }
  }

  private void block(float[] f, int from, int to) {
    interleave(f, from, STRIDE, rows, 0, LANES);
    for (int done = 4; done < LANES; done *= 2) {
      interleave(rows, 0, LANES, spare, 0, LANES);
      float[] swap = rows;
      rows = spare;
      spare = swap;
    }
    interleave(rows, 0, LANES, f, to, STRIDE);
  }

  private static void interleave(
      float[] from, int start, int stride, float[] to, int toStart, int toStride) {
    for (int i = 0; i < LANES / 2; i++) {
      int at = start + i * stride;
      IntVector x = FloatVector.fromArray(F32, from, at).reinterpretAsInts();
      IntVector y = FloatVector.fromArray(F32, from, at + LANES / 2 * stride).reinterpretAsInts();
      int row = toStart + 2 * i * toStride;
      LOWER.selectFrom(x, y).reinterpretAsFloats().intoArray(to, row);
      UPPER.selectFrom(x, y).reinterpretAsFloats().intoArray(to, row + toStride);
    }
  }
}
