package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.internal.simd.AttentionTiles.NARROW;
import static dev.granula.tensor.internal.simd.AttentionTiles.ROWS;
import static dev.granula.tensor.internal.simd.AttentionTiles.STRIDE;
import static dev.granula.tensor.internal.simd.QueryBlock.BLOCK;
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

  /** Elements of the sums for the keys, or the values, of one slice: strips of [S, STRIDE]. */
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
        Math.multiplyExact(AttentionCall.roundUp(call.keys(), BLOCK), call.strips() * STRIDE);
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
    Arrays.fill(own.floats, own.keySums, own.keySums + sumsLength, 0);
    Arrays.fill(own.floats, own.valueSums, own.valueSums + sumsLength, 0);
    int firstHead = group * call.headsPerGroup() + slice * headsPerSlice;
    int heads = Math.min(headsPerSlice, call.headsPerGroup() - slice * headsPerSlice);
    int rows = call.queries() * heads;
    for (int row = 0; row < rows; row += BLOCK) {
      own.block.set(call, b, firstHead, heads, row, Math.min(rows, row + BLOCK));
      block(own, b);
    }
    if (slices == 1) {
      store(dk, own.floats, own.keySums, b, group, 0, call.keys());
      store(dv, own.floats, own.valueSums, b, group, 0, call.keys());
    } else {
      share(dk, own.floats, own.keySums, keySums, task);
      share(dv, own.floats, own.valueSums, valueSums, task);
    }
  }

  private void share(@Nullable Output output, float[] own, int start, float[] shared, int task) {
    if (output != null) {
      System.arraycopy(own, start, shared, task * sumsLength, sumsLength);
    }
  }

  private void block(AttentionScratch own, int b) {
    QueryBlock block = own.block;
    own.packQueries(call, b);
    own.packGradients(call, gradient, b);
    statistics(own, b);
    int side = call.strips() * BLOCK * STRIDE;
    Arrays.fill(own.floats, own.result, own.result + side, 0);
    // Whole tiles of keys: those that no row sees get weights of zero.
    int last = AttentionCall.roundUp(block.endKey, ROWS);
    for (int key = block.firstKey / ROWS * ROWS; key < last; key += BLOCK) {
      int end = Math.min(last, key + BLOCK);
      own.products(call, own.keys, key, end, own.queryColumns, own.weights);
      own.products(call, own.values, key, end, own.gradientColumns, own.slopes);
      block.mask(own.floats, own.weights, key, end, Float.NEGATIVE_INFINITY);
      block.mask(own.floats, own.slopes, key, end, 0);
      for (int row = 0; row < block.rows; row += NARROW) {
        VectorMath.weights(
            own.floats, own.weights + row, end - key, BLOCK, own.reference, own.sums, row);
        slopes(own, row, end - key);
      }
      addToKeysAndValues(own, key, end);
      if (dq != null) {
        addToQueries(own, key, end);
      }
    }
    for (int row = 0; row < block.rows && dq != null; row++) {
      long at = dq.rows.at(b, block.query[row], block.head[row]);
      int from = own.result + row * STRIDE;
      dq.rows.store(own.floats, from, BLOCK * STRIDE, call.scale(), at, dq.write);
    }
  }

  /** Log-sum-exp and delta of the rows; a row that sees nothing gets weights of zero. */
  private void statistics(AttentionScratch own, int b) {
    QueryBlock block = own.block;
    Arrays.fill(own.sums, 0);
    for (int row = 0; row < block.rows; row++) {
      int t = block.query[row];
      int h = block.head[row];
      long at = lse.offset() + b * lse.stride(0) + h * lse.stride(1) + t * lse.stride(2);
      own.reference[row] =
          block.isBlind(row) ? Float.POSITIVE_INFINITY : lse.memory().getAtIndex(JAVA_FLOAT, at);
      own.delta[row] = gradient.dot(gradient.at(b, t, h), out, out.at(b, t, h));
    }
  }

  /** Turns dP of neighbouring rows into slopes. */
  private static void slopes(AttentionScratch own, int row, int keys) {
    float[] f = own.floats;
    int weights = own.weights + row;
    int slopes = own.slopes + row;
    FloatVector low = FloatVector.fromArray(F32, own.delta, row);
    FloatVector high = FloatVector.fromArray(F32, own.delta, row + LANES);
    for (int i = 0; i < keys * BLOCK; i += BLOCK) {
      FloatVector.fromArray(F32, f, slopes + i)
          .sub(low)
          .mul(FloatVector.fromArray(F32, f, weights + i))
          .intoArray(f, slopes + i);
      FloatVector.fromArray(F32, f, slopes + i + LANES)
          .sub(high)
          .mul(FloatVector.fromArray(F32, f, weights + i + LANES))
          .intoArray(f, slopes + i + LANES);
    }
  }

  /** What the block adds to the gradients of the keys and values {@code from} to {@code to}. */
  private void addToKeysAndValues(AttentionScratch own, int from, int to) {
    for (int key = from; key < to; key += ROWS) {
      int row = own.block.firstRow(key);
      if (dv != null) {
        addRows(own, own.weights + (key - from) * BLOCK, own.gradients, row, own.valueSums, key);
      }
      if (dk != null) {
        addRows(own, own.slopes + (key - from) * BLOCK, own.queries, row, own.keySums, key);
      }
    }
  }

  private void addRows(AttentionScratch own, int factors, int rows, int row, int sums, int key) {
    for (int d = 0; d < call.size() && row < own.block.rows; d += STRIDE) {
      AttentionTiles.rows(
          own.floats,
          factors + row,
          rows + d * BLOCK + row * STRIDE,
          AttentionCall.roundUp(Math.min(STRIDE, call.size() - d), NARROW),
          own.block.rows - row,
          sums + d * own.packed + key * STRIDE,
          true);
    }
  }

  private void addToQueries(AttentionScratch own, int from, int to) {
    QueryBlock block = own.block;
    for (int row = 0; row < block.rows; row += ROWS) {
      int first = Math.max(block.tileFirst(row), from);
      int end = Math.min(block.tileEnd(row), to);
      for (int d = 0; d < call.size() && first < end; d += STRIDE) {
        AttentionTiles.columns(
            own.floats,
            own.slopes + (first - from) * BLOCK + row,
            own.keys + d * own.packed + first * STRIDE,
            AttentionCall.roundUp(Math.min(STRIDE, call.size() - d), NARROW),
            end - first,
            own.result + d * BLOCK + row * STRIDE,
            true);
      }
    }
  }

  private void store(
      @Nullable Output output, float[] sums, int start, int b, int group, int from, int to) {
    if (output == null) {
      return;
    }
    int stripStride = AttentionCall.roundUp(call.keys(), BLOCK) * STRIDE;
    for (int s = from; s < to; s++) {
      long at = output.rows.at(b, s, group);
      output.rows.store(sums, start + s * STRIDE, stripStride, 1, at, output.write);
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
    int strip = sumsLength / call.strips();
    for (int slice = 1; slice < slices; slice++) {
      int other = slice * sumsLength;
      for (int first = start; first < start + sumsLength; first += strip) {
        for (int i = first + from * STRIDE; i < first + to * STRIDE; i += LANES) {
          FloatVector.fromArray(F32, sums, i)
              .add(FloatVector.fromArray(F32, sums, other + i))
              .intoArray(sums, i);
        }
      }
    }
    store(output, sums, start, pair / call.groups(), pair % call.groups(), from, to);
  }
}
