package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.MatmulKernel.LHS_STRIDE;
import static dev.granula.tensor.internal.simd.MatmulKernel.ROW_MULTIPLE;

import java.util.Arrays;

/**
 * Where the packed left-hand sides of {@link SharedRows} lie: one or more parts for each run of
 * depth, side by side in strips of {@link MatmulKernel#LHS_STRIDE} columns. Rows are that far apart
 * whatever the depth, so that shallow parts share a strip, and its pages, instead of leaving it
 * empty.
 */
final class LhsLayout {
  /** Parts begin at cache lines. */
  private static final int LINE = 16;

  /** Run and number of each part, and its first element. */
  private int[] run = new int[4];

  private int[] number = new int[4];
  private int[] at = new int[4];

  /** The first part of each run. */
  private final int[] first;

  private final int stripFloats;
  private int parts;
  private int strips;
  private int column;

  /** For parts of at most {@code rows} rows. */
  LhsLayout(int runs, int rows) {
    first = new int[runs];
    stripFloats = paddedRows(rows) * LHS_STRIDE;
  }

  /** Columns that a part takes. */
  static int width(int depth) {
    return (depth + LINE - 1) / LINE * LINE;
  }

  static int paddedRows(int rows) {
    return (rows + ROW_MULTIPLE - 1) / ROW_MULTIPLE * ROW_MULTIPLE;
  }

  /** Begins anew. */
  void clear() {
    parts = 0;
    strips = 0;
    column = LHS_STRIDE;
  }

  /** Gives run {@code r} room for {@code count} parts. */
  void add(int r, int depth, int count) {
    first[r] = parts;
    for (int i = 0; i < count; i++) {
      if (column + depth > LHS_STRIDE) {
        strips++;
        column = 0;
      }
      if (parts == at.length) {
        run = Arrays.copyOf(run, 2 * parts);
        number = Arrays.copyOf(number, 2 * parts);
        at = Arrays.copyOf(at, 2 * parts);
      }
      run[parts] = r;
      number[parts] = i;
      at[parts++] = AlignedFloats.FIRST + (strips - 1) * stripFloats + column;
      column += width(depth);
    }
  }

  int parts() {
    return parts;
  }

  int run(int part) {
    return run[part];
  }

  int number(int part) {
    return number[part];
  }

  /** Where row 0 of a part begins. */
  int at(int part) {
    return at[part];
  }

  /** Where row 0 of part {@code number} of run {@code r} begins. */
  int at(int r, int number) {
    return at[first[r] + number];
  }

  int floats() {
    return strips * stripFloats;
  }
}
