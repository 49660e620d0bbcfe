package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.Simd.F32;
import static dev.granula.tensor.internal.simd.Simd.LANES;
import static dev.granula.tensor.internal.simd.Simd.ORDER;

import dev.granula.tensor.Axis;
import dev.granula.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/** Takes finished tiles, one or some below each other, to their place in the result. */
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

  /** Element (r, c) of the tile stands at {@code from + r * stride + c}. */
  void store(
      float[] tile,
      int from,
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
      int at = from + r * stride;
      long place = origin + rows.offset(row + r);
      if (contiguous) {
        storeRow(tile, at, memory, place + cols.offset(col), colCount, add);
      } else {
        scatterRow(tile, at, place, col, colCount, add);
      }
    }
  }

  private static void storeRow(
      float[] tile, int at, MemorySegment memory, long to, int count, boolean add) {
    int bound = F32.loopBound(count);
    for (int c = 0; c < bound; c += LANES) {
      FloatVector x = FloatVector.fromArray(F32, tile, at + c);
      long bytes = 4 * (to + c);
      if (add) {
        x = x.add(FloatVector.fromMemorySegment(F32, memory, bytes, ORDER));
      }
      x.intoMemorySegment(memory, bytes, ORDER);
    }
    for (int c = bound; c < count; c++) {
      put(memory, to + c, tile[at + c], add);
    }
  }

  private void scatterRow(float[] tile, int at, long place, long col, int count, boolean add) {
    for (int c = 0; c < count; c++) {
      put(memory, place + cols.offset(col + c), tile[at + c], add);
    }
  }

  private static void put(MemorySegment memory, long to, float x, boolean add) {
    float value = add ? x + memory.getAtIndex(ValueLayout.JAVA_FLOAT, to) : x;
    memory.setAtIndex(ValueLayout.JAVA_FLOAT, to, value);
  }
}
