package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.AttentionTiles.NARROW;
import static dev.granula.tensor.internal.simd.AttentionTiles.ROWS;
import static dev.granula.tensor.internal.simd.AttentionTiles.STRIDE;
import static dev.granula.tensor.internal.simd.QueryBlock.BLOCK;

import java.util.function.IntToLongFunction;

/**
 * What one worker needs for attention, all in one array that grows to the largest call and stays.
 * Every matrix in it has a row stride of {@link AttentionTiles#STRIDE}; one with D columns is cut
 * into strips of so many, one behind the other. With N the keys that a task sees and B = {@link
 * QueryBlock#BLOCK}:
 *
 * <ul>
 *   <li>keys, values and the sums of their gradients: strips of [N, STRIDE];
 *   <li>queries, gradients of the output, and the result (out or dq): strips of [B, STRIDE];
 *   <li>their transposes "columns": [D, B];
 *   <li>weights and slopes: [keys, B], so that a vector holds one key for neighbouring queries, and
 *       largest scores and sums over keys need no sums over lanes.
 * </ul>
 */
final class AttentionScratch {
  /** Keys for which scores are formed before they are turned into weights. */
  static final int CHUNK = 256;

  final QueryBlock block = new QueryBlock();

  /** Per row: the largest score so far, that with the keys at hand, and what weights refer to. */
  final float[] largest = new float[BLOCK];

  final float[] raised = new float[BLOCK];
  final float[] reference = new float[BLOCK];

  /** Per row: the sum of its weights, and by what a larger score makes it smaller. */
  final float[] sums = new float[BLOCK];

  final float[] shrink = new float[BLOCK];
  final float[] delta = new float[BLOCK];
  private final HeapTransposition transposition = new HeapTransposition();

  float[] floats = {};

  /** Where the matrices begin. */
  int keys;

  int values;
  int keySums;
  int valueSums;
  int queries;
  int queryColumns;
  int gradients;
  int gradientColumns;
  int result;
  int weights;
  int slopes;

  /** First packed key and number of packed keys, both multiples of {@link QueryBlock#BLOCK}. */
  int origin;

  int packed;

  private int end;

  /** Packs the keys and values that rows {@code from} to {@code to} of a group see. */
  void packForForward(AttentionCall call, int b, int group, int from, int to) {
    range(call, b, from / call.headsPerGroup(), (to - 1) / call.headsPerGroup());
    int side = call.strips() * BLOCK * STRIDE;
    end = AlignedFloats.FIRST;
    keys = place(call.strips() * packed * STRIDE);
    values = place(call.strips() * packed * STRIDE);
    queries = place(side);
    queryColumns = place(side);
    result = place(side);
    weights = place(CHUNK * BLOCK);
    reserve();
    packRows(call.k(), b, group, keys);
    packRows(call.v(), b, group, values);
  }

  /** Packs all keys and values of a group. */
  void packForBackward(AttentionCall call, int b, int group) {
    origin = 0;
    packed = AttentionCall.roundUp(call.keys(), BLOCK);
    int side = call.strips() * BLOCK * STRIDE;
    end = AlignedFloats.FIRST;
    keys = place(call.strips() * packed * STRIDE);
    values = place(call.strips() * packed * STRIDE);
    keySums = place(call.strips() * packed * STRIDE);
    valueSums = place(call.strips() * packed * STRIDE);
    queries = place(side);
    queryColumns = place(side);
    gradients = place(side);
    gradientColumns = place(side);
    result = place(side);
    weights = place(BLOCK * BLOCK);
    slopes = place(BLOCK * BLOCK);
    reserve();
    packRows(call.k(), b, group, keys);
    packRows(call.v(), b, group, values);
  }

  private void range(AttentionCall call, int b, int firstQuery, int lastQuery) {
    int first = Integer.MAX_VALUE;
    for (int t = firstQuery; t <= lastQuery; t++) {
      first = Math.min(first, call.firstVisible(b, t));
    }
    int last = call.endOfVisible(lastQuery);
    origin = Math.max(0, Math.min(first, last)) / BLOCK * BLOCK;
    packed = AttentionCall.roundUp(Math.max(0, last - origin), BLOCK);
  }

  private int place(int length) {
    int start = end;
    end = Math.addExact(end, length);
    return start;
  }

  private void reserve() {
    if (floats.length < end) {
      floats = AlignedFloats.allocate(end);
    }
  }

  private void packRows(HeadRows from, int b, int group, int to) {
    int count = Math.min(packed, from.times() - origin);
    pack(from, count, s -> from.at(b, origin + s, group), 1, to, packed * STRIDE);
  }

  /** Packs the block's queries, times the scale, and their transpose. */
  void packQueries(AttentionCall call, int b) {
    packBlock(call.q(), call.scale(), b, queries);
    transposeBlock(call, queries, queryColumns);
  }

  /** Packs the block's rows of the gradient, and their transpose. */
  void packGradients(AttentionCall call, HeadRows gradient, int b) {
    packBlock(gradient, 1, b, gradients);
    transposeBlock(call, gradients, gradientColumns);
  }

  private void packBlock(HeadRows from, float factor, int b, int to) {
    IntToLongFunction at = row -> from.at(b, block.query[row], block.head[row]);
    pack(from, block.rows, at, factor, to, BLOCK * STRIDE);
  }

  /** Packs {@code count} rows that begin at {@code at}. */
  private void pack(
      HeadRows from, int count, IntToLongFunction at, float factor, int to, int stripStride) {
    int row = 0;
    for (; row + 4 <= count; row += 4) {
      from.copyFour(
          at.applyAsLong(row),
          at.applyAsLong(row + 1),
          at.applyAsLong(row + 2),
          at.applyAsLong(row + 3),
          factor,
          floats,
          to + row * STRIDE,
          stripStride);
    }
    for (; row < count; row++) {
      from.copy(at.applyAsLong(row), factor, floats, to + row * STRIDE, stripStride);
    }
  }

  private void transposeBlock(AttentionCall call, int from, int to) {
    for (int d = 0; d < call.size(); d += STRIDE) {
      int columns = Math.min(STRIDE, call.size() - d);
      int at = d * BLOCK;
      transposition.run(floats, from + at, to + at, block.rows, columns);
    }
  }

  /**
   * Inner products over D of the keys (or values) {@code from} to {@code to} with all rows of the
   * block, given as columns, into {@code products} [keys, B]. Rows that cannot see a key are left
   * out in steps of the narrow tile.
   */
  void products(AttentionCall call, int left, int from, int to, int columns, int products) {
    int width = AttentionCall.roundUp(block.rows, NARROW);
    for (int key = from; key < to; key += ROWS) {
      int first = block.firstRow(key) / NARROW * NARROW;
      for (int d = 0; d < call.size() && first < width; d += STRIDE) {
        AttentionTiles.rows(
            floats,
            left + d * packed + (key - origin) * STRIDE,
            columns + d * BLOCK + first,
            width - first,
            Math.min(STRIDE, call.size() - d),
            products + (key - from) * BLOCK + first,
            d > 0);
      }
    }
  }

  static float[] grown(float[] array, int length) {
    return array.length < length ? new float[length] : array;
  }
}
