package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.AttentionScratch.CHUNK;
import static dev.granula.tensor.internal.simd.AttentionTiles.NARROW;
import static dev.granula.tensor.internal.simd.AttentionTiles.ROWS;
import static dev.granula.tensor.internal.simd.AttentionTiles.STRIDE;
import static dev.granula.tensor.internal.simd.QueryBlock.BLOCK;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.VectorOperators.GT;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Workers;
import dev.granula.tensor.Write;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Forward pass by chunks of keys with an online softmax: for each row the largest score so far, the
 * sum of {@code exp(score - largest)} and the sum of the values with these weights; when a larger
 * score comes, both sums shrink by {@code exp(old - new)}.
 *
 * <p>A task is a range of the rows of one group, cut by the shape alone, and packs the keys and
 * values that its rows see.
 */
final class AttentionForward implements Workers.Task {
  /** Rows of one task: packing their keys costs a few per cent of their products. */
  private static final int TASK_ROWS = 512;

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
    own.packForForward(call, b, group, from, to);
    for (int row = from; row < to; row += BLOCK) {
      own.block.set(call, b, group * heads, heads, row, Math.min(to, row + BLOCK));
      block(own, b);
    }
  }

  private void block(AttentionScratch own, int b) {
    QueryBlock block = own.block;
    own.packQueries(call, b);
    Arrays.fill(own.largest, Float.NEGATIVE_INFINITY);
    Arrays.fill(own.sums, 0);
    int side = call.strips() * BLOCK * STRIDE;
    Arrays.fill(own.floats, own.result, own.result + side, 0);
    for (int key = block.firstKey / ROWS * ROWS; key < block.endKey; key += CHUNK) {
      int end = Math.min(block.endKey, key + CHUNK);
      own.products(call, own.keys, key, end, own.queryColumns, own.weights);
      block.mask(own.floats, own.weights, key, end, Float.NEGATIVE_INFINITY);
      for (int row = 0; row < block.rows; row += NARROW) {
        raise(own, row, end - key);
        VectorMath.weights(
            own.floats, own.weights + row, end - key, BLOCK, own.reference, own.sums, row);
      }
      if (key > block.firstKey) {
        shrink(own);
      }
      addValues(own, key, end);
    }
    store(own, b);
  }

  /**
   * The largest scores so far of neighbouring rows, in two vectors, and by what their earlier sums
   * shrink.
   */
  private static void raise(AttentionScratch own, int row, int keys) {
    float[] f = own.floats;
    FloatVector low = FloatVector.fromArray(F32, own.largest, row);
    FloatVector high = FloatVector.fromArray(F32, own.largest, row + LANES);
    int start = own.weights + row;
    for (int i = start; i < start + keys * BLOCK; i += BLOCK) {
      FloatVector x = FloatVector.fromArray(F32, f, i);
      low = low.blend(x, x.compare(GT, low));
      FloatVector y = FloatVector.fromArray(F32, f, i + LANES);
      high = high.blend(y, y.compare(GT, high));
    }
    low.intoArray(own.raised, row);
    high.intoArray(own.raised, row + LANES);
    for (int i = row; i < row + NARROW; i++) {
      // A row that has seen nothing yet has sums of zero.
      float raised = own.raised[i];
      own.shrink[i] =
          raised == own.largest[i] ? 1 : (float) StrictMath.exp(own.largest[i] - raised);
      own.sums[i] *= own.shrink[i];
      own.largest[i] = raised;
      own.reference[i] = raised == Float.NEGATIVE_INFINITY ? 0 : raised;
    }
  }

  /** Makes the sums of values relative to the new largest scores. */
  private void shrink(AttentionScratch own) {
    float[] f = own.floats;
    for (int row = 0; row < own.block.rows; row++) {
      if (own.shrink[row] == 1) {
        continue;
      }
      for (int d = 0; d < call.size(); d += STRIDE) {
        int at = own.result + d * BLOCK + row * STRIDE;
        for (int i = at; i < at + STRIDE; i += LANES) {
          FloatVector.fromArray(F32, f, i).mul(own.shrink[row]).intoArray(f, i);
        }
      }
    }
  }

  /** Adds the weighted values, a block of keys at a time so that their values stay in the cache. */
  private void addValues(AttentionScratch own, int chunk, int chunkEnd) {
    QueryBlock block = own.block;
    for (int key = chunk; key < chunkEnd; key += BLOCK) {
      for (int row = 0; row < block.rows; row += ROWS) {
        int first = Math.max(block.tileFirst(row), key);
        int end = Math.min(block.tileEnd(row), Math.min(chunkEnd, key + BLOCK));
        for (int d = 0; d < call.size() && first < end; d += STRIDE) {
          AttentionTiles.columns(
              own.floats,
              own.weights + (first - chunk) * BLOCK + row,
              own.values + d * own.packed + (first - own.origin) * STRIDE,
              AttentionCall.roundUp(Math.min(STRIDE, call.size() - d), NARROW),
              end - first,
              own.result + d * BLOCK + row * STRIDE,
              true);
        }
      }
    }
  }

  private void store(AttentionScratch own, int b) {
    QueryBlock block = own.block;
    for (int row = 0; row < block.rows; row++) {
      int t = block.query[row];
      int h = block.head[row];
      boolean blind = block.isBlind(row);
      float factor = blind ? 0 : 1 / own.sums[row];
      int from = own.result + row * STRIDE;
      out.store(own.floats, from, BLOCK * STRIDE, factor, out.at(b, t, h), Write.SET);
      long at = lse.offset() + b * lse.stride(0) + h * lse.stride(1) + t * lse.stride(2);
      double value =
          blind ? Float.NEGATIVE_INFINITY : own.largest[row] + StrictMath.log(own.sums[row]);
      lse.memory().setAtIndex(JAVA_FLOAT, at, (float) value);
    }
  }
}
