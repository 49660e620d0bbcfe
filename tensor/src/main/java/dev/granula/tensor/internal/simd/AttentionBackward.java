package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.AttentionTiles.BLOCK;
import static dev.granula.tensor.internal.simd.AttentionTiles.PANEL;
import static dev.granula.tensor.internal.simd.AttentionTiles.ROWS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Workers;
import dev.granula.tensor.Write;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Backward pass: the weights are formed again from the log-sum-exp, block by block. With P the
 * weights, dP = dO V^T, delta = rowsum(dO * O) and the slopes dS = P * (dP - delta): dQ = scale dS
 * K, dK = scale dS^T Q, dV = P^T dO.
 *
 * <p>A task is a slice of the heads of one group and owns their rows of dq. The keys and values are
 * shared by all slices of the group, so each slice sums up gradients of its own and {@link #reduce}
 * adds these in order. Groups are cut only where batch and groups alone give few tasks.
 */
final class AttentionBackward implements Workers.Task {
  /** Tasks that keep a large machine busy; with fewer groups, groups are cut into slices. */
  private static final int ENOUGH_TASKS = 16;

  private static final VectorSpecies<Float> F32 = Simd.F32;
  private static final int LANES = Simd.LANES;

  /** A gradient that is asked for. */
  record Output(HeadRows rows, Write write) {
    static @Nullable Output of(@Nullable Tensor tensor, Write write) {
      return tensor == null ? null : new Output(HeadRows.of(tensor), write);
    }
  }

  private final AttentionCall call;
  private final HeadRows out;
  private final Tensor lse;
  private final HeadRows gradient;
  private final @Nullable Output dq;
  private final @Nullable Output dk;
  private final @Nullable Output dv;
  private final AttentionScratch[] scratch;
  private final int headsPerSlice;
  private final int slices;

  /** Elements of the sums for the keys, or the values, of one slice: [S rounded up, Dp]. */
  private final int sumsLength;

  /** The sums of all slices where groups are cut, else empty. */
  private final float[] keySums;

  private final float[] valueSums;

  AttentionBackward(
      AttentionCall call,
      Tensor out,
      Tensor lse,
      Tensor gradient,
      @Nullable Output dq,
      @Nullable Output dk,
      @Nullable Output dv,
      SimdAttention owner) {
    this.call = call;
    this.out = HeadRows.of(out);
    this.lse = lse;
    this.gradient = HeadRows.of(gradient);
    this.dq = dq;
    this.dk = dk;
    this.dv = dv;
    this.scratch = owner.scratch();
    this.sumsLength =
        Math.multiplyExact(AttentionCall.roundUp(call.keys(), BLOCK), call.paddedSize());
    int pairs = Math.max(1, call.batch() * call.groups());
    int affordable = Integer.MAX_VALUE / pairs / Math.max(1, sumsLength);
    int wanted = Math.min(affordable, (ENOUGH_TASKS + pairs - 1) / pairs);
    int heads = Math.max(1, call.headsPerGroup());
    this.headsPerSlice = Math.ceilDiv(heads, Math.clamp(wanted, 1, heads));
    this.slices = Math.ceilDiv(heads, headsPerSlice);
    int shared = slices == 1 ? 0 : tasks() * sumsLength;
    this.keySums = owner.keySums(dk == null ? 0 : shared);
    this.valueSums = owner.valueSums(dv == null ? 0 : shared);
  }

  int tasks() {
    return call.batch() * call.groups() * slices;
  }

  @Override
  public void run(int task, int worker) {
    int slice = task % slices;
    int group = task / slices % call.groups();
    int b = task / slices / call.groups();
    AttentionScratch own = scratch[worker];
    own.packForBackward(call, b, group);
    Sums sums = sums(own, task);
    int firstHead = group * call.headsPerGroup() + slice * headsPerSlice;
    int heads = Math.min(headsPerSlice, call.headsPerGroup() - slice * headsPerSlice);
    int rows = call.queries() * heads;
    for (int row = 0; row < rows; row += BLOCK) {
      own.block.set(call, b, firstHead, heads, row, Math.min(rows, row + BLOCK));
      block(own, sums, b, row, heads);
    }
    if (slices == 1) {
      store(dk, sums.keys, 0, b, group, 0, call.keys());
      store(dv, sums.values, 0, b, group, 0, call.keys());
    }
  }

  /** Where a slice sums up the gradients of its keys and values. */
  private record Sums(float[] keys, float[] values, int start) {}

  /** Zeros to begin with, for the gradients that are asked for. */
  private Sums sums(AttentionScratch own, int task) {
    Sums sums = new Sums(keySums, valueSums, task * sumsLength);
    if (slices == 1) {
      own.keySums = AttentionScratch.grown(own.keySums, dk == null ? 0 : sumsLength);
      own.valueSums = AttentionScratch.grown(own.valueSums, dv == null ? 0 : sumsLength);
      sums = new Sums(own.keySums, own.valueSums, 0);
    }
    if (dk != null) {
      Arrays.fill(sums.keys, sums.start, sums.start + sumsLength, 0);
    }
    if (dv != null) {
      Arrays.fill(sums.values, sums.start, sums.start + sumsLength, 0);
    }
    return sums;
  }

  private void block(AttentionScratch own, Sums sums, int b, int firstRow, int heads) {
    QueryBlock block = own.block;
    own.packQueriesAndGradients(call, gradient, b);
    int padded = call.paddedSize();
    Arrays.fill(own.result, 0, BLOCK * padded, 0);
    for (int row = 0; row < block.rows; row++) {
      int t = block.query[row];
      int h = block.head[row];
      own.lse[row] =
          lse.memory()
              .getAtIndex(
                  JAVA_FLOAT,
                  lse.offset() + b * lse.stride(0) + h * lse.stride(1) + t * lse.stride(2));
      own.delta[row] = gradient.dot(gradient.at(b, t, h), out, out.at(b, t, h));
    }
    for (int key = block.firstKey / BLOCK * BLOCK; key < block.endKey; key += BLOCK) {
      for (int row = 0; row < block.rows; row += ROWS) {
        queries(own, key, row);
      }
      keysAndValues(own, sums, key, firstRow, heads);
    }
    if (dq != null) {
      for (int row = 0; row < block.rows; row++) {
        long at = dq.rows.at(b, block.query[row], block.head[row]);
        dq.rows.store(own.result, row * padded, call.scale(), at, dq.write);
      }
    }
  }

  /** Weights and slopes of four rows for one block of keys, and what they add to dq. */
  private void queries(AttentionScratch own, int key, int row) {
    int first = Math.max(own.block.tileFirst(row) - key, 0);
    int end = Math.min(own.block.tileEnd(row) - key, BLOCK);
    int from = first < end ? first / PANEL * PANEL : 0;
    int to = first < end ? AttentionCall.roundUp(end, PANEL) : 0;
    if (from < to) {
      own.products(call, own.queries, row, own.keyColumns, key, from, to, own.weights);
      own.products(call, own.gradients, row, own.valueColumns, key, from, to, own.slopes);
    }
    for (int i = row; i < row + ROWS; i++) {
      slope(own, i, key, from, to);
    }
    if (dq == null || from >= to) {
      return;
    }
    int padded = call.paddedSize();
    int keys = (key - own.origin + from) * PANEL;
    for (int d = 0; d < padded; d += PANEL) {
      AttentionTiles.rowTile(
          own.slopes,
          row * BLOCK + from,
          own.keyRows,
          own.panelStart(d) + keys,
          end - from,
          own.result,
          row * padded + d,
          padded,
          true);
    }
  }

  /**
   * Turns a row of scores and of dP into weights and slopes, zero for keys that it does not see.
   */
  private void slope(AttentionScratch own, int row, int key, int from, int to) {
    float[] weights = own.weights;
    float[] slopes = own.slopes;
    int at = row * BLOCK;
    Arrays.fill(weights, at, at + from, 0);
    Arrays.fill(slopes, at, at + from, 0);
    Arrays.fill(weights, at + to, at + BLOCK, 0);
    Arrays.fill(slopes, at + to, at + BLOCK, 0);
    if (!own.maskOutside(weights, row, key, from, to)) {
      Arrays.fill(slopes, at + from, at + to, 0);
      return;
    }
    FloatVector lse = FloatVector.broadcast(F32, own.lse[row]);
    FloatVector delta = FloatVector.broadcast(F32, own.delta[row]);
    for (int i = at + from; i < at + to; i += LANES) {
      FloatVector p = VectorMath.exp(FloatVector.fromArray(F32, weights, i).sub(lse));
      p.intoArray(weights, i);
      FloatVector.fromArray(F32, slopes, i).sub(delta).mul(p).intoArray(slopes, i);
    }
  }

  /** What one block of queries adds to the gradients of one block of keys and values. */
  private void keysAndValues(AttentionScratch own, Sums sums, int key, int firstRow, int heads) {
    QueryBlock block = own.block;
    int from = Math.max(block.firstKey - key, 0) / ROWS * ROWS;
    int to = Math.min(block.endKey - key, BLOCK);
    for (int j = from; j < to; j += ROWS) {
      // No earlier row sees the first of these keys.
      int query = key + j - (call.keys() - call.queries());
      int row = Math.max(0, Math.max(0, query) * heads - firstRow);
      if (row < block.rows) {
        if (dv != null) {
          addUp(own, own.weights, own.gradientRows, row, j, sums.values, sums.start, key);
        }
        if (dk != null) {
          addUp(own, own.slopes, own.queryRows, row, j, sums.keys, sums.start, key);
        }
      }
    }
  }

  private void addUp(
      AttentionScratch own,
      float[] factors,
      float[] rows,
      int row,
      int j,
      float[] sums,
      int start,
      int key) {
    int padded = call.paddedSize();
    for (int d = 0; d < padded; d += PANEL) {
      AttentionTiles.columnTile(
          factors,
          row * BLOCK + j,
          rows,
          d * BLOCK + row * PANEL,
          own.block.rows - row,
          sums,
          start + (key + j) * padded + d,
          padded);
    }
  }

  private void store(
      @Nullable Output output, float[] sums, int start, int b, int group, int from, int to) {
    if (output == null) {
      return;
    }
    int padded = call.paddedSize();
    for (int s = from; s < to; s++) {
      output.rows.store(sums, start + s * padded, 1, output.rows.at(b, s, group), output.write);
    }
  }

  /** Number of tasks of {@link #reduce}: none where no group is cut. */
  int reductions() {
    return slices == 1 || dk == null && dv == null
        ? 0
        : call.batch() * call.groups() * Math.ceilDiv(call.keys(), BLOCK);
  }

  /** Adds up the slices for one block of keys of one group, in order, and stores the gradients. */
  void reduce(int task, int worker) {
    int blocks = Math.ceilDiv(call.keys(), BLOCK);
    int pair = task / blocks;
    int from = task % blocks * BLOCK;
    int to = Math.min(call.keys(), from + BLOCK);
    int start = pair * slices * sumsLength;
    reduce(dk, keySums, start, pair, from, to);
    reduce(dv, valueSums, start, pair, from, to);
  }

  private void reduce(
      @Nullable Output output, float[] sums, int start, int pair, int from, int to) {
    if (output == null) {
      return;
    }
    int padded = call.paddedSize();
    for (int slice = 1; slice < slices; slice++) {
      int other = slice * sumsLength;
      for (int i = start + from * padded; i < start + to * padded; i += LANES) {
        FloatVector.fromArray(F32, sums, i)
            .add(FloatVector.fromArray(F32, sums, other + i))
            .intoArray(sums, i);
      }
    }
    store(output, sums, start, pair / call.groups(), pair % call.groups(), from, to);
  }
}
