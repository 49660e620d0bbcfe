package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.AttentionTiles.ROWS;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/**
 * Up to {@link #BLOCK} consecutive rows of queries: which query and head each is, and which keys it
 * sees. A row that sees nothing, and one that only fills up the block, has the empty range from
 * {@code Integer.MAX_VALUE} to 0.
 */
final class QueryBlock {
  /** Rows of a block, and the unit in which keys are packed. */
  static final int BLOCK = AttentionTiles.STRIDE;

  final int[] query = new int[BLOCK];
  final int[] head = new int[BLOCK];
  private final int[] first = new int[BLOCK];
  private final int[] end = new int[BLOCK];

  /** Rows in use. */
  int rows;

  /** The keys that some row of the block sees. */
  int firstKey;

  int endKey;

  /** The keys that all its rows see. */
  private int firstSeenByAll;

  private int endSeenByAll;

  private int firstRow;
  private int heads;
  private int shift;

  /** Takes rows {@code from} to {@code to} of sample b, where row i is query i / heads. */
  void set(AttentionCall call, int b, int firstHead, int heads, int from, int to) {
    rows = to - from;
    firstRow = from;
    this.heads = heads;
    shift = call.keys() - call.queries();
    firstKey = Integer.MAX_VALUE;
    endKey = 0;
    firstSeenByAll = 0;
    endSeenByAll = Integer.MAX_VALUE;
    int t = from / heads;
    int h = from % heads;
    int visible = call.firstVisible(b, t);
    for (int row = 0; row < BLOCK; row++) {
      int low = row < rows ? visible : 0;
      int high = row < rows ? call.endOfVisible(t) : 0;
      query[row] = t;
      head[row] = firstHead + h;
      first[row] = low < high ? low : Integer.MAX_VALUE;
      end[row] = low < high ? high : 0;
      firstKey = Math.min(firstKey, first[row]);
      endKey = Math.max(endKey, end[row]);
      if (row < rows) {
        firstSeenByAll = Math.max(firstSeenByAll, first[row]);
        endSeenByAll = Math.min(endSeenByAll, end[row]);
      }
      if (++h == heads) {
        h = 0;
        t++;
        visible = row + 1 < rows ? call.firstVisible(b, t) : 0;
      }
    }
  }

  boolean isBlind(int row) {
    return end[row] == 0;
  }

  /** The first row that is not before {@code key}, or {@link #rows}. */
  int firstRow(int key) {
    long row = (long) Math.max(0, key - shift) * heads - firstRow;
    return (int) Math.clamp(row, 0, rows);
  }

  /**
   * Puts {@code value} where a row does not see a key, into a matrix [keys, BLOCK] at {@code
   * matrix} whose first row is key {@code from}.
   */
  void mask(float[] f, int matrix, int from, int to, float value) {
    for (int key = from; key < to; key++) {
      if (firstSeenByAll <= key && key < endSeenByAll) {
        continue;
      }
      int at = matrix + (key - from) * BLOCK;
      for (int row = 0; row < rows; row += Simd.LANES) {
        VectorMask<Integer> early = IntVector.fromArray(Simd.I32, first, row).compare(GT, key);
        VectorMask<Integer> late = IntVector.fromArray(Simd.I32, end, row).compare(LE, key);
        FloatVector.fromArray(Simd.F32, f, at + row)
            .blend(value, early.or(late).cast(Simd.F32))
            .intoArray(f, at + row);
      }
    }
  }

  /** First key of the tile that starts at {@code row}. */
  int tileFirst(int row) {
    int least = first[row];
    for (int i = 1; i < ROWS; i++) {
      least = Math.min(least, first[row + i]);
    }
    return least;
  }

  /** End of the keys of the tile that starts at {@code row}. */
  int tileEnd(int row) {
    int last = end[row];
    for (int i = 1; i < ROWS; i++) {
      last = Math.max(last, end[row + i]);
    }
    return last;
  }
}
