package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.AttentionTiles.BLOCK;
import static dev.granula.tensor.internal.simd.AttentionTiles.ROWS;

/**
 * Up to {@link AttentionTiles#BLOCK} consecutive rows of queries: which query and head each is, and
 * which keys it sees. A row that sees nothing, and one that only fills up the last tile, has the
 * empty range from {@code Integer.MAX_VALUE} to 0.
 */
final class QueryBlock {
  final int[] query = new int[BLOCK];
  final int[] head = new int[BLOCK];
  final int[] first = new int[BLOCK];
  final int[] end = new int[BLOCK];

  /** Rows in use. */
  int rows;

  /** The keys that some row of the block sees. */
  int firstKey;

  int endKey;

  /** Takes rows {@code from} to {@code to} of sample b, where row i is query i / heads. */
  void set(AttentionCall call, int b, int firstHead, int heads, int from, int to) {
    rows = to - from;
    firstKey = Integer.MAX_VALUE;
    endKey = 0;
    for (int row = 0; row < AttentionCall.roundUp(rows, ROWS); row++) {
      int t = (from + row) / heads;
      int low = row < rows ? call.firstVisible(b, t) : 0;
      int high = row < rows ? call.endOfVisible(t) : 0;
      query[row] = t;
      head[row] = firstHead + (from + row) % heads;
      first[row] = low < high ? low : Integer.MAX_VALUE;
      end[row] = low < high ? high : 0;
      firstKey = Math.min(firstKey, first[row]);
      endKey = Math.max(endKey, end[row]);
    }
  }

  /** First key of the tile that starts at {@code row}. */
  int tileFirst(int row) {
    return Math.min(Math.min(first[row], first[row + 1]), Math.min(first[row + 2], first[row + 3]));
  }

  /** End of the keys of the tile that starts at {@code row}. */
  int tileEnd(int row) {
    return Math.max(Math.max(end[row], end[row + 1]), Math.max(end[row + 2], end[row + 3]));
  }
}
