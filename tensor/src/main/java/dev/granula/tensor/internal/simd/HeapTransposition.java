package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.AttentionTiles.STRIDE;
import static dev.granula.tensor.internal.simd.Simd.LANES;

/**
 * Transposes matrices with a row stride of {@link AttentionTiles#STRIDE} inside one heap array, in
 * square blocks of vector width.
 */
final class HeapTransposition {
  private final float[] rows = new float[PerfectShuffle.BLOCK];

  /** Element (r, c) at {@code from} becomes (c, r) at {@code to}; whole blocks are moved. */
  void run(float[] f, int from, int to, int rowCount, int columnCount) {
    for (int r = 0; r < rowCount; r += LANES) {
      for (int c = 0; c < columnCount; c += LANES) {
        block(f, from + r * STRIDE + c, to + c * STRIDE + r);
      }
    }
  }

  private void block(float[] f, int from, int to) {
    switch (PerfectShuffle.FIRST_STAGES) {
      case 2 -> {
        PerfectShuffle.twoStages(f, from, STRIDE, rows, 0, LANES);
        PerfectShuffle.twoStages(rows, 0, LANES, f, to, STRIDE);
      }
      case 1 -> {
        PerfectShuffle.oneStage(f, from, STRIDE, rows, 0, LANES);
        PerfectShuffle.twoStages(rows, 0, LANES, f, to, STRIDE);
      }
      default -> PerfectShuffle.twoStages(f, from, STRIDE, f, to, STRIDE);
    }
  }
}
