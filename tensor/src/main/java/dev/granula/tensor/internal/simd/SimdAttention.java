package dev.granula.tensor.internal.simd;

import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Workers;
import dev.granula.tensor.Write;
import dev.granula.tensor.internal.simd.AttentionBackward.Output;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Fused causal attention in F32: {@link dev.granula.tensor.Backend#attention} and its gradient.
 * Owns the scratch of all workers, so one call at a time.
 */
final class SimdAttention {
  private final Workers workers;
  private final AttentionScratch[] scratch;
  private float[] keySums = {};
  private float[] valueSums = {};

  SimdAttention(Workers workers) {
    this.workers = workers;
    this.scratch = new AttentionScratch[workers.count()];
    for (int i = 0; i < scratch.length; i++) {
      scratch[i] = new AttentionScratch();
    }
  }

  static List<Runnable> rehearsals() {
    float[] scores = new float[AttentionTiles.STRIDE * Rehearsal.DEPTH];
    float[] largest = new float[AttentionTiles.STRIDE];
    float[] sums = new float[AttentionTiles.STRIDE];
    List<Runnable> parts = new ArrayList<>(AttentionTiles.rehearsals());
    parts.add(
        () -> {
          Arrays.fill(scores, -1);
          VectorMath.weights(scores, 0, Rehearsal.DEPTH, AttentionTiles.STRIDE, largest, sums, 0);
        });
    return parts;
  }

  /** False, with nothing done, if the operands are not F32. */
  boolean forward(
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor firstKey,
      double scale,
      Tensor out,
      Tensor lse) {
    if (q.dtype() != DType.F32) {
      return false;
    }
    AttentionCall call = AttentionCall.of(q, k, v, firstKey, scale);
    Rehearsal.TILES.before(q.elementCount() * call.keys());
    AttentionForward forward = new AttentionForward(call, out, lse, scratch);
    workers.run(forward.tasks(), forward);
    return true;
  }

  /** False, with nothing done, if the operands are not F32. */
  boolean backward(
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor firstKey,
      double scale,
      Tensor out,
      Tensor lse,
      Tensor g,
      @Nullable Tensor dq,
      Write dqWrite,
      @Nullable Tensor dk,
      Write dkWrite,
      @Nullable Tensor dv,
      Write dvWrite) {
    if (q.dtype() != DType.F32) {
      return false;
    }
    AttentionBackward backward =
        new AttentionBackward(
            AttentionCall.of(q, k, v, firstKey, scale),
            out,
            lse,
            g,
            Output.of(dq, dqWrite),
            Output.of(dk, dkWrite),
            Output.of(dv, dvWrite),
            this);
    workers.run(backward.tasks(), backward);
    workers.run(backward.reductions(), backward::reduce);
    return true;
  }

  AttentionScratch[] scratch() {
    return scratch;
  }

  /** Sums of slices, shared by all workers. */
  float[] keySums(int length) {
    keySums = AttentionScratch.grown(keySums, length);
    return keySums;
  }

  float[] valueSums(int length) {
    valueSums = AttentionScratch.grown(valueSums, length);
    return valueSums;
  }
}
