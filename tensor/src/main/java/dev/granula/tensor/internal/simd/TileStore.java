package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.TILE_FLOATS;
import static dev.granula.tensor.internal.simd.Simd.F32;
import static dev.granula.tensor.internal.simd.Simd.LANES;
import static dev.granula.tensor.internal.simd.Simd.ORDER;

import dev.granula.tensor.Axis;
import dev.granula.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/** Takes finished tiles to their place in the result. */
final class TileStore {
  private final Matrix out;
  private final MemorySegment memory;
  private final Axis rows;
  private final Axis cols;

  TileStore(Matrix out) {
    this.out = out;
    this.memory = out.tensor().memory();
    this.rows = out.rows();
    this.cols = out.cols();
  }

  /** Where the tile of segment {@code g} of a group begins. */
  static int at(int g) {
    return AlignedFloats.FIRST + g * MatmulKernel.TILE_FLOATS;
  }

  /**
   * Stores or adds the sum of a group's tiles, each times its scale. Element (r, c) of tile g
   * stands at {@code at(g) + r * stride + c}.
   *
   * @param scales one a tile
   */
  void store(
      float[] tiles,
      float[] scales,
      int stride,
      long matrix,
      long row,
      int rowCount,
      long col,
      int colCount,
      boolean add) {
    long origin = out.batchOffset(matrix);
    boolean contiguous = cols.innerStride() == 1 && Packing.run(cols, col, colCount) == colCount;
    for (int r = 0; r < rowCount; r++) {
      int from = at(0) + r * stride;
      long place = origin + rows.offset(row + r);
      if (contiguous) {
        storeRow(tiles, from, scales, memory, place + cols.offset(col), colCount, add);
      } else {
        scatterRow(tiles, from, scales, place, col, colCount, add);
      }
    }
  }

  private static void storeRow(
      float[] tiles,
      int from,
      float[] scales,
      MemorySegment memory,
      long to,
      int count,
      boolean add) {
    int bound = F32.loopBound(count);
    for (int c = 0; c < bound; c += LANES) {
      FloatVector x = FloatVector.fromArray(F32, tiles, from + c).mul(scales[0]);
      for (int g = 1; g < scales.length; g++) {
        x =
            FloatVector.fromArray(F32, tiles, from + c + g * TILE_FLOATS)
                .fma(FloatVector.broadcast(F32, scales[g]), x);
      }
      long bytes = 4 * (to + c);
      if (add) {
        x = x.add(FloatVector.fromMemorySegment(F32, memory, bytes, ORDER));
      }
      x.intoMemorySegment(memory, bytes, ORDER);
    }
    for (int c = bound; c < count; c++) {
      put(memory, to + c, sum(tiles, from + c, scales), add);
    }
  }

  private void scatterRow(
      float[] tiles, int from, float[] scales, long place, long col, int count, boolean add) {
    for (int c = 0; c < count; c++) {
      put(memory, place + cols.offset(col + c), sum(tiles, from + c, scales), add);
    }
  }

  private static float sum(float[] tiles, int from, float[] scales) {
    float x = tiles[from] * scales[0];
    for (int g = 1; g < scales.length; g++) {
      x = Math.fma(tiles[from + g * TILE_FLOATS], scales[g], x);
    }
    return x;
  }

  private static void put(MemorySegment memory, long to, float x, boolean add) {
    float value = add ? x + memory.getAtIndex(ValueLayout.JAVA_FLOAT, to) : x;
    memory.setAtIndex(ValueLayout.JAVA_FLOAT, to, value);
  }
}
