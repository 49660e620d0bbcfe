package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.AttentionTiles.BLOCK;
import static dev.granula.tensor.internal.simd.AttentionTiles.PANEL;

import java.util.Arrays;

/**
 * What one worker needs for attention: packed operands and sums. The arrays grow to the largest
 * call and stay. With Dp = D rounded up to panels and N the keys that a task sees:
 *
 * <ul>
 *   <li>"columns" [N / PANEL, D, PANEL]: keys or values as the right-hand side of a product over D;
 *   <li>"rows" [Dp / PANEL, N, PANEL]: the same as the right-hand side of a product over the keys;
 *   <li>queries and gradients of the output [D / BLOCK, BLOCK, BLOCK]: left-hand sides;
 *   <li>weights and slopes [BLOCK, BLOCK]: rows of queries by keys.
 * </ul>
 */
final class AttentionScratch {
  final QueryBlock block = new QueryBlock();
  final float[] weights = new float[BLOCK * BLOCK];
  final float[] slopes = new float[BLOCK * BLOCK];

  /** Per row: the largest score so far, and in the backward pass log-sum-exp and delta. */
  final float[] largest = new float[BLOCK];

  final float[] lse = new float[BLOCK];
  final float[] delta = new float[BLOCK];

  /** Per row: sums of weights, one for each lane. */
  final float[] sums = new float[BLOCK * Simd.LANES];

  float[] queries = {};
  float[] gradients = {};
  float[] queryRows = {};
  float[] gradientRows = {};
  float[] keyColumns = {};
  float[] keyRows = {};
  float[] valueColumns = {};
  float[] valueRows = {};

  /** Rows of keys on their way into columns: [PANEL, D rounded up to lanes]. */
  private float[] panel = {};

  /** Result of a block of queries, out or dq: [BLOCK, Dp]. */
  float[] result = {};

  /** Gradients of the keys and values of a task: [N, Dp]. */
  float[] keySums = {};

  float[] valueSums = {};

  /** First packed key and number of packed keys, both multiples of {@link AttentionTiles#BLOCK}. */
  int origin;

  int packed;

  /** Start of the panel of columns d.. in "rows" of the packed keys. */
  int panelStart(int d) {
    return d * packed;
  }

  /** Packs the keys that rows {@code from} to {@code to} of a group see. */
  void packForForward(AttentionCall call, int b, int group, int from, int to) {
    range(call, b, from / call.headsPerGroup(), (to - 1) / call.headsPerGroup());
    keyColumns = grown(keyColumns, packed * call.size());
    valueRows = grown(valueRows, packed * call.paddedSize());
    result = grown(result, BLOCK * call.paddedSize());
    columns(call, call.k(), b, group, keyColumns);
    rows(call, call.v(), b, group, valueRows);
  }

  /** Packs all keys and values of a group. */
  void packForBackward(AttentionCall call, int b, int group) {
    range(call, b, 0, call.queries() - 1);
    int padded = call.paddedSize();
    keyColumns = grown(keyColumns, packed * call.size());
    valueColumns = grown(valueColumns, packed * call.size());
    keyRows = grown(keyRows, packed * padded);
    result = grown(result, BLOCK * padded);
    columns(call, call.k(), b, group, keyColumns);
    columns(call, call.v(), b, group, valueColumns);
    rows(call, call.k(), b, group, keyRows);
  }

  private void range(AttentionCall call, int b, int firstQuery, int lastQuery) {
    int first = Integer.MAX_VALUE;
    for (int t = firstQuery; t <= lastQuery; t++) {
      first = Math.min(first, call.firstVisible(b, t));
    }
    int end = call.endOfVisible(lastQuery);
    origin = Math.min(first, end) / BLOCK * BLOCK;
    packed = AttentionCall.roundUp(Math.max(0, end - origin), BLOCK);
  }

  /** A panel of keys at a time: copied row by row, then transposed. */
  private void columns(AttentionCall call, HeadRows from, int b, int group, float[] to) {
    int size = call.size();
    int width = AttentionCall.roundUp(size, Simd.LANES);
    panel = grown(panel, PANEL * width);
    int end = Math.min(call.keys(), origin + packed);
    for (int s = origin; s < end; s += PANEL) {
      int count = Math.min(PANEL, end - s);
      for (int j = 0; j < count; j++) {
        from.copy(from.at(b, s + j, group), 1, panel, j * width, Simd.LANES, Simd.LANES);
      }
      transpose(panel, count, width, size, to, (s - origin) * size);
    }
  }

  private static void transpose(
      float[] rows, int count, int width, int size, float[] columns, int start) {
    for (int d = 0; d < size; d++) {
      for (int j = 0; j < count; j++) {
        columns[start + d * PANEL + j] = rows[j * width + d];
      }
    }
  }

  private void rows(AttentionCall call, HeadRows from, int b, int group, float[] to) {
    int end = Math.min(call.keys(), origin + packed);
    for (int s = origin; s < end; s++) {
      from.copy(from.at(b, s, group), 1, to, (s - origin) * PANEL, PANEL, packed * PANEL);
    }
  }

  /** The block's queries, times the scale, row by row without gaps but for whole vectors. */
  int copyQueries(AttentionCall call, int b) {
    int width = AttentionCall.roundUp(call.size(), Simd.LANES);
    queries = grown(queries, BLOCK * width);
    result = grown(result, BLOCK * call.paddedSize());
    for (int row = 0; row < block.rows; row++) {
      long from = call.q().at(b, block.query[row], block.head[row]);
      call.q().copy(from, call.scale(), queries, row * width, Simd.LANES, Simd.LANES);
    }
    return width;
  }

  /** Packs the block's queries, times the scale, as left-hand side. */
  void packQueries(AttentionCall call, int b) {
    queries = grown(queries, BLOCK * AttentionCall.roundUp(call.size(), BLOCK));
    for (int row = 0; row < block.rows; row++) {
      long from = call.q().at(b, block.query[row], block.head[row]);
      call.q().copy(from, call.scale(), queries, row * BLOCK, BLOCK, BLOCK * BLOCK);
    }
  }

  /** Packs the block's queries, times the scale, and gradients, as both sides of products. */
  void packQueriesAndGradients(AttentionCall call, HeadRows gradient, int b) {
    packQueries(call, b);
    gradients = grown(gradients, queries.length);
    queryRows = grown(queryRows, BLOCK * call.paddedSize());
    gradientRows = grown(gradientRows, BLOCK * call.paddedSize());
    for (int row = 0; row < block.rows; row++) {
      int t = block.query[row];
      int h = block.head[row];
      long g = gradient.at(b, t, h);
      call.q()
          .copy(call.q().at(b, t, h), call.scale(), queryRows, row * PANEL, PANEL, BLOCK * PANEL);
      gradient.copy(g, 1, gradients, row * BLOCK, BLOCK, BLOCK * BLOCK);
      gradient.copy(g, 1, gradientRows, row * PANEL, PANEL, BLOCK * PANEL);
    }
  }

  /**
   * Inner products over D of four rows of {@code left} with the keys key + from .. key + to of
   * {@code columns}, into the same rows of {@code products} [BLOCK, BLOCK].
   */
  void products(
      AttentionCall call,
      float[] left,
      int row,
      float[] columns,
      int key,
      int from,
      int to,
      float[] products) {
    int size = call.size();
    for (int j = from; j < to; j += PANEL) {
      int panel = (key - origin + j) * size;
      for (int d = 0; d < size; d += BLOCK) {
        AttentionTiles.rowTile(
            left,
            d * BLOCK + row * BLOCK,
            columns,
            panel + d * PANEL,
            Math.min(BLOCK, size - d),
            products,
            row * BLOCK + j,
            BLOCK,
            d > 0);
      }
    }
  }

  /**
   * Puts minus infinity where a row of scores belongs to keys outside its range. A row that sees
   * none of the keys becomes zeros, which are its weights, and the answer is false.
   */
  boolean maskOutside(float[] scores, int row, int key, int from, int to) {
    int at = row * BLOCK;
    int low = Math.max(from, Math.min(block.first[row], key + BLOCK) - key);
    int high = Math.min(to, block.end[row] - key);
    if (low >= high) {
      Arrays.fill(scores, at + from, at + to, 0);
      return false;
    }
    Arrays.fill(scores, at + from, at + low, Float.NEGATIVE_INFINITY);
    Arrays.fill(scores, at + high, at + to, Float.NEGATIVE_INFINITY);
    return true;
  }

  static float[] grown(float[] array, int length) {
    return array.length < length ? new float[length] : array;
  }
}
