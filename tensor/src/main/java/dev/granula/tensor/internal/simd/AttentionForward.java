package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.AttentionTiles.BLOCK;
import static dev.granula.tensor.internal.simd.AttentionTiles.PANEL;
import static dev.granula.tensor.internal.simd.AttentionTiles.ROWS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.MAX;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Workers;
import dev.granula.tensor.Write;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Forward pass by blocks of keys with an online softmax: for each row the largest score so far, the
 * sum of {@code exp(score - largest)} and the sum of the values with these weights; when a larger
 * score comes, both sums shrink by {@code exp(old - new)}.
 *
 * <p>A task is a range of the rows of one group, cut by the shape alone, and packs the keys and
 * values that its rows see.
 */
final class AttentionForward implements Workers.Task {
  /** Rows of one task: packing their keys costs a few per cent of their products. */
  private static final int TASK_ROWS = 512;

  /** Up to so many rows in a group (decoding), keys and values are read where they stand. */
  private static final int DIRECT_ROWS = 16;

  private static final VectorSpecies<Float> F32 = Simd.F32;
  private static final int LANES = Simd.LANES;

  private final AttentionCall call;
  private final HeadRows out;
  private final Tensor lse;
  private final AttentionScratch[] scratch;
  private final int tasksPerGroup;

  AttentionForward(AttentionCall call, Tensor out, Tensor lse, AttentionScratch[] scratch) {
    this.call = call;
    this.out = HeadRows.of(out);
    this.lse = lse;
    this.scratch = scratch;
    this.tasksPerGroup = (rowsPerGroup() + TASK_ROWS - 1) / TASK_ROWS;
  }

  int tasks() {
    return call.batch() * call.groups() * tasksPerGroup;
  }

  private int rowsPerGroup() {
    return call.queries() * call.headsPerGroup();
  }

  @Override
  public void run(int task, int worker) {
    int pairs = call.batch() * call.groups();
    int b = task % pairs / call.groups();
    int group = task % call.groups();
    // Later rows see more keys: the longest tasks come first.
    int from = (tasksPerGroup - 1 - task / pairs) * TASK_ROWS;
    int to = Math.min(rowsPerGroup(), from + TASK_ROWS);
    AttentionScratch own = scratch[worker];
    int heads = call.headsPerGroup();
    if (rowsPerGroup() <= DIRECT_ROWS) {
      own.block.set(call, b, group * heads, heads, from, to);
      direct(own, b, group);
      return;
    }
    own.packForForward(call, b, group, from, to);
    for (int row = from; row < to; row += BLOCK) {
      own.block.set(call, b, group * heads, heads, row, Math.min(to, row + BLOCK));
      block(own, b);
    }
  }

  private void block(AttentionScratch own, int b) {
    QueryBlock block = own.block;
    own.packQueries(call, b);
    clear(own);
    for (int key = block.firstKey / BLOCK * BLOCK; key < block.endKey; key += BLOCK) {
      for (int row = 0; row < block.rows; row += ROWS) {
        int first = Math.max(block.tileFirst(row) - key, 0);
        int end = Math.min(block.tileEnd(row) - key, BLOCK);
        if (first < end) {
          tile(own, key, row, first / PANEL * PANEL, end);
        }
      }
    }
    for (int row = 0; row < block.rows; row++) {
      finish(own, b, row);
    }
  }

  private void direct(AttentionScratch own, int b, int group) {
    QueryBlock block = own.block;
    int width = own.copyQueries(call, b);
    clear(own);
    for (int key = block.firstKey / BLOCK * BLOCK; key < block.endKey; key += BLOCK) {
      int count = Math.min(BLOCK, block.endKey - key);
      long keysAt = call.k().at(b, key, group);
      long valuesAt = call.v().at(b, key, group);
      for (int row = 0; row < block.rows; row++) {
        int at = row * BLOCK;
        call.k().dots(keysAt, count, own.queries, row * width, own.weights, at);
        weigh(own, row, key, 0, AttentionCall.roundUp(count, LANES));
        call.v().addWeighted(valuesAt, count, own.weights, at, own.result, row * call.paddedSize());
      }
    }
    for (int row = 0; row < block.rows; row++) {
      finish(own, b, row);
    }
  }

  private void clear(AttentionScratch own) {
    Arrays.fill(own.largest, Float.NEGATIVE_INFINITY);
    Arrays.fill(own.sums, 0);
    Arrays.fill(own.result, 0, BLOCK * call.paddedSize(), 0);
  }

  /** Scores, weights and weighted values of four rows and the keys from..end of a block. */
  private void tile(AttentionScratch own, int key, int row, int from, int end) {
    int to = AttentionCall.roundUp(end, PANEL);
    int at = row * BLOCK;
    own.products(call, own.queries, row, own.keyColumns, key, from, to, own.weights);
    for (int i = row; i < row + ROWS; i++) {
      weigh(own, i, key, from, to);
    }
    int padded = call.paddedSize();
    int values = (key - own.origin + from) * PANEL;
    for (int d = 0; d < padded; d += PANEL) {
      AttentionTiles.rowTile(
          own.weights,
          at + from,
          own.valueRows,
          own.panelStart(d) + values,
          end - from,
          own.result,
          row * padded + d,
          padded,
          true);
    }
  }

  /** Turns the scores of one row into weights relative to its largest score so far. */
  private void weigh(AttentionScratch own, int row, int key, int from, int to) {
    if (!own.maskOutside(own.weights, row, key, from, to)) {
      return;
    }
    int start = row * BLOCK + from;
    int stop = row * BLOCK + to;
    float largest = largest(own.weights, start, stop);
    if (largest > own.largest[row]) {
      shrink(own, row, own.largest[row] - largest);
      own.largest[row] = largest;
    }
    exponentials(own.weights, start, stop, own.largest[row], own.sums, row * LANES);
  }

  private static float largest(float[] scores, int start, int stop) {
    FloatVector top = FloatVector.fromArray(F32, scores, start);
    for (int i = start + LANES; i < stop; i += LANES) {
      FloatVector x = FloatVector.fromArray(F32, scores, i);
      top = top.blend(x, x.compare(GT, top));
    }
    return top.reduceLanes(MAX);
  }

  /** Makes the sums of a row relative to a larger score. */
  private void shrink(AttentionScratch own, int row, float difference) {
    FloatVector factor = VectorMath.exp(FloatVector.broadcast(F32, difference));
    FloatVector.fromArray(F32, own.sums, row * LANES).mul(factor).intoArray(own.sums, row * LANES);
    int padded = call.paddedSize();
    for (int d = row * padded; d < (row + 1) * padded; d += LANES) {
      FloatVector.fromArray(F32, own.result, d).mul(factor).intoArray(own.result, d);
    }
  }

  private static void exponentials(
      float[] scores, int start, int stop, float reference, float[] sums, int sumStart) {
    FloatVector sum = FloatVector.fromArray(F32, sums, sumStart);
    for (int i = start; i < stop; i += LANES) {
      FloatVector p = VectorMath.exp(FloatVector.fromArray(F32, scores, i).sub(reference));
      p.intoArray(scores, i);
      sum = sum.add(p);
    }
    sum.intoArray(sums, sumStart);
  }

  private void finish(AttentionScratch own, int b, int row) {
    QueryBlock block = own.block;
    int t = block.query[row];
    int h = block.head[row];
    float sum = LaneSum.of(FloatVector.fromArray(F32, own.sums, row * LANES));
    boolean blind = block.end[row] == 0;
    out.store(own.result, row * call.paddedSize(), blind ? 0 : 1 / sum, out.at(b, t, h), Write.SET);
    long at = lse.offset() + b * lse.stride(0) + h * lse.stride(1) + t * lse.stride(2);
    double value = blind ? Double.NEGATIVE_INFINITY : own.largest[row] + StrictMath.log(sum);
    lse.memory().setAtIndex(JAVA_FLOAT, at, (float) value);
  }
}
