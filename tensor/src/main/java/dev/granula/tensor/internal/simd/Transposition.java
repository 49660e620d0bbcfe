package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.PerfectShuffle.LOWER;
import static dev.granula.tensor.internal.simd.PerfectShuffle.UPPER;
import static dev.granula.tensor.internal.simd.Simd.LANES;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;

/**
 * Transposes square blocks of vector width from native memory to a heap panel. The first stages of
 * the {@link PerfectShuffle} read memory and leave a small array, the last two go on from there.
 */
final class Transposition {
  private final float[] rows = new float[PerfectShuffle.BLOCK];

  /**
   * Block element (r, c) lies at {@code from + r + c * stride} in {@code memory}, in elements of
   * F32 or BF16, and goes to {@code to[at + r * toStride + c]}.
   */
  void block(
      MemorySegment memory,
      boolean bf16,
      long from,
      long stride,
      float[] to,
      int at,
      int toStride) {
    switch (PerfectShuffle.FIRST_STAGES) {
      case 2 -> readTwoStages(memory, bf16, from, stride);
      case 1 -> readOneStage(memory, bf16, from, stride);
      default -> read(memory, bf16, from, stride);
    }
    PerfectShuffle.twoStages(rows, 0, LANES, to, at, toStride);
  }

  private void readTwoStages(MemorySegment memory, boolean bf16, long from, long stride) {
    for (int i = 0; i < LANES / 4; i++) {
      long row = from + i * stride;
      IntVector x0 = Simd.load(memory, bf16, row).reinterpretAsInts();
      IntVector x1 = Simd.load(memory, bf16, row + LANES / 4 * stride).reinterpretAsInts();
      IntVector x2 = Simd.load(memory, bf16, row + LANES / 2 * stride).reinterpretAsInts();
      IntVector x3 = Simd.load(memory, bf16, row + LANES / 4 * 3 * stride).reinterpretAsInts();
      IntVector y0 = LOWER.selectFrom(x0, x2);
      IntVector y1 = UPPER.selectFrom(x0, x2);
      IntVector y2 = LOWER.selectFrom(x1, x3);
      IntVector y3 = UPPER.selectFrom(x1, x3);
      int at = 4 * i * LANES;
      LOWER.selectFrom(y0, y2).reinterpretAsFloats().intoArray(rows, at);
      UPPER.selectFrom(y0, y2).reinterpretAsFloats().intoArray(rows, at + LANES);
      LOWER.selectFrom(y1, y3).reinterpretAsFloats().intoArray(rows, at + 2 * LANES);
      UPPER.selectFrom(y1, y3).reinterpretAsFloats().intoArray(rows, at + 3 * LANES);
    }
  }

  private void readOneStage(MemorySegment memory, boolean bf16, long from, long stride) {
    for (int i = 0; i < LANES / 2; i++) {
      long row = from + i * stride;
      IntVector x0 = Simd.load(memory, bf16, row).reinterpretAsInts();
      IntVector x1 = Simd.load(memory, bf16, row + LANES / 2 * stride).reinterpretAsInts();
      LOWER.selectFrom(x0, x1).reinterpretAsFloats().intoArray(rows, 2 * i * LANES);
      UPPER.selectFrom(x0, x1).reinterpretAsFloats().intoArray(rows, 2 * i * LANES + LANES);
    }
  }

  private void read(MemorySegment memory, boolean bf16, long from, long stride) {
    for (int i = 0; i < LANES; i++) {
      Simd.load(memory, bf16, from + i * stride).intoArray(rows, i * LANES);
    }
  }
}
