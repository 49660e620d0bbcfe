package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Copies from and to F32, and fills of F32; each method returns false, and does nothing, if types
 * or strides are others.
 */
final class Copies {
  private static final Expression X = input(0);
  private static final Expression VALUE = scalar(0);
  private static final double[] NO_SCALARS = {};

  /** Rows and columns of a tile of a transposition: both sides stay in the first cache. */
  private static final int TILE = 64;

  private final Context context;
  private final Pointwise pointwise;

  Copies(Context context, Pointwise pointwise) {
    this.context = context;
    this.pointwise = pointwise;
  }

  boolean fill(Tensor out, double value) {
    return pointwise.evaluate(VALUE, List.of(), new double[] {value}, out, Write.SET);
  }

  boolean copy(Tensor in, Tensor out) {
    if (in.elementCount() == 0) {
      return true;
    }
    Nest nest = Nest.of(out, List.of(in));
    boolean rows = nest.innerStride(0) == 1 && nest.innerStride(1) == 1 || nest.inner() == 1;
    if (rows && (widens(in, out) || narrows(in, out))) {
      copyRows(nest, in, out);
      return true;
    }
    if (in.dtype() != DType.F32 || out.dtype() != DType.F32) {
      return false;
    }
    int across = transposed(nest);
    if (across >= 0) {
      transpose(nest, across, in, out);
      return true;
    }
    return pointwise.evaluate(X, List.of(in), NO_SCALARS, out, Write.SET);
  }

  private static boolean widens(Tensor in, Tensor out) {
    return out.dtype() == DType.F32 && Casts.toF32(in.dtype());
  }

  private static boolean narrows(Tensor in, Tensor out) {
    return in.dtype() == DType.F32 && Casts.fromF32(out.dtype());
  }

  private void copyRows(Nest nest, Tensor in, Tensor out) {
    boolean widens = widens(in, out);
    MemorySegment from = in.memory();
    MemorySegment to = out.memory();
    long pieces = (nest.inner() + Chunks.ELEMENTS - 1) / Chunks.ELEMENTS;
    context.forRows(
        nest.outer() * pieces,
        Math.min(nest.inner(), Chunks.ELEMENTS),
        (first, last, _) -> {
          for (long i = first; i < last; i++) {
            long start = i % pieces * Chunks.ELEMENTS;
            int n = (int) Math.min(Chunks.ELEMENTS, nest.inner() - start);
            long source = in.offset() + nest.position(1, i / pieces) + start;
            long target = out.offset() + nest.position(0, i / pieces) + start;
            if (widens) {
              Casts.widen(in.dtype(), from, source, to, target, n);
            } else {
              Casts.narrow(out.dtype(), from, source, to, target, n);
            }
          }
        });
  }

  /**
   * The dimension along which {@code in} has neighbours while {@code out} has them inside, or -1.
   */
  private static int transposed(Nest nest) {
    if (nest.innerStride(0) != 1 || nest.innerStride(1) == 0) {
      return -1;
    }
    for (int d = 0; d < nest.rank() - 1; d++) {
      if (nest.strides()[1][d] == 1) {
        return d;
      }
    }
    return -1;
  }

  /** Tile by tile: rows of a tile are neighbours in {@code in}, columns in {@code out}. */
  private void transpose(Nest nest, int across, Tensor in, Tensor out) {
    int inner = nest.rank() - 1;
    long rows = nest.dims()[across];
    long columns = nest.inner();
    long rowTiles = (rows + TILE - 1) / TILE;
    long columnTiles = (columns + TILE - 1) / TILE;
    Nest outer = nest.without(across);
    long inStride = nest.strides()[1][inner];
    long outStride = nest.strides()[0][across];
    context.forRows(
        outer.outer() * rowTiles * columnTiles,
        Math.min(rows, TILE) * Math.min(columns, TILE),
        (first, last, _) -> {
          for (long i = first; i < last; i++) {
            long turn = i / (rowTiles * columnTiles);
            long row = i / columnTiles % rowTiles * TILE;
            long column = i % columnTiles * TILE;
            long source = in.offset() + outer.position(1, turn) + row + column * inStride;
            long target = out.offset() + outer.position(0, turn) + row * outStride + column;
            int height = (int) Math.min(TILE, rows - row);
            int width = (int) Math.min(TILE, columns - column);
            copyTile(in.memory(), source, inStride, out.memory(), target, outStride, height, width);
          }
        });
  }

  private static void copyTile(
      MemorySegment from,
      long source,
      long inStride,
      MemorySegment to,
      long target,
      long outStride,
      int height,
      int width) {
    for (int r = 0; r < height; r++) {
      for (int c = 0; c < width; c++) {
        float value = from.getAtIndex(ValueLayout.JAVA_FLOAT, source + r + c * inStride);
        to.setAtIndex(ValueLayout.JAVA_FLOAT, target + r * outStride + c, value);
      }
    }
  }
}
