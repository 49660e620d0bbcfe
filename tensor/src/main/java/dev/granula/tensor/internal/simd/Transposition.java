package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.Simd.I32;
import static dev.granula.tensor.internal.simd.Simd.LANES;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;

/**
 * Transposes square blocks of vector width by perfect shuffles: each stage interleaves row i with
 * row {@code i + LANES/2}, and after log2(LANES) stages rows have become columns. Works on bit
 * patterns, in two small arrays that stay in the first-level cache.
 */
final class Transposition {
  private static final int BLOCK = LANES * LANES;

  /** Lanes 0, n, 1, n + 1, ... of two vectors of n lanes: the interleaved lower halves. */
  private static final IntVector LOWER = interleaved(0);

  private static final IntVector UPPER = interleaved(LANES / 2);

  private int[] rows = new int[BLOCK];
  private int[] spare = new int[BLOCK];

  private static IntVector interleaved(int first) {
    int[] lanes = new int[LANES];
    for (int i = 0; i < LANES; i++) {
      lanes[i] = first + i / 2 + i % 2 * LANES;
    }
    return IntVector.fromArray(I32, lanes, 0);
  }

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
    for (int c = 0; c < LANES; c++) {
      Simd.load(memory, bf16, from + c * stride).reinterpretAsInts().intoArray(rows, c * LANES);
    }
    for (int done = 2; done < LANES; done *= 2) {
      interleave(rows, spare);
      int[] swap = rows;
      rows = spare;
      spare = swap;
    }
    interleaveLast(rows, to, at, toStride);
  }

  private static void interleave(int[] from, int[] to) {
    for (int i = 0; i < LANES / 2; i++) {
      IntVector x = IntVector.fromArray(I32, from, i * LANES);
      IntVector y = IntVector.fromArray(I32, from, i * LANES + BLOCK / 2);
      LOWER.selectFrom(x, y).intoArray(to, 2 * i * LANES);
      UPPER.selectFrom(x, y).intoArray(to, 2 * i * LANES + LANES);
    }
  }

  private static void interleaveLast(int[] from, float[] to, int at, int stride) {
    for (int i = 0; i < LANES / 2; i++) {
      IntVector x = IntVector.fromArray(I32, from, i * LANES);
      IntVector y = IntVector.fromArray(I32, from, i * LANES + BLOCK / 2);
      int row = at + 2 * i * stride;
      LOWER.selectFrom(x, y).reinterpretAsFloats().intoArray(to, row);
      UPPER.selectFrom(x, y).reinterpretAsFloats().intoArray(to, row + stride);
    }
  }
}
