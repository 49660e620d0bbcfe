package dev.granula.cuda;

import dev.granula.tensor.Device;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import org.jspecify.annotations.Nullable;

/** Rotary embedding and causal attention; {@link AttentionPlan} chooses the kernels. */
final class Attention {
  /** What forward and backward read. */
  private record Problem(Tensor q, Tensor k, Tensor v, @Nullable Tensor firstKey, double scale) {
    long[] words() {
      return concat(
          heads(q),
          heads(k),
          heads(v),
          new long[] {
            firstKey == null ? 0 : Launch.address(firstKey),
            firstKey == null ? 0 : firstKey.stride(0),
            firstKey == null ? 0 : firstKey.stride(1),
            ints(q.shape().dim(1), k.shape().dim(1)),
            ints(q.shape().dim(2), k.shape().dim(2)),
            Double.doubleToRawLongBits(scale)
          });
    }
  }

  private final Device device;
  private final Kernels kernels;
  private final Faults faults;
  private final Gpu gpu;
  private final Precision precision;

  Attention(Device device, Kernels kernels, Faults faults, Gpu gpu, Precision precision) {
    this.device = device;
    this.kernels = kernels;
    this.faults = faults;
    this.gpu = gpu;
    this.precision = precision;
  }

  void rotary(
      Tensor x,
      Tensor positions,
      Tensor cos,
      Tensor sin,
      boolean inverse,
      Tensor out,
      Write write) {
    Launch.requireOn(device, "rotary", x, out);
    long half = x.shape().dim(3) / 2;
    long pairs = x.shape().slice(0, 3).elementCount() * half;
    kernels
        .launch("rotary.cu", "rotary", x.dtype())
        .words(concat(heads(x), new long[] {x.stride(3)}))
        .view(positions)
        .rows(cos)
        .rows(sin)
        .words(pairs)
        .integer((int) x.shape().dim(1))
        .integer((int) x.shape().dim(2))
        .integer((int) half)
        .words(cos.shape().dim(0))
        .flag(inverse)
        .words(concat(heads(out), new long[] {out.stride(3)}))
        .write(write)
        .words(faults.address())
        .runElements(pairs);
  }

  void attention(
      Tensor q,
      Tensor k,
      Tensor v,
      @Nullable Tensor firstKey,
      double scale,
      Tensor out,
      Tensor lse) {
    Launch.requireOn(device, "attention", q, k, v, firstKey, out, lse);
    AttentionPlan plan = AttentionPlan.of(AttentionPlan.Pass.FORWARD, gpu, precision, q, k, v, out);
    launch(new Problem(q, k, v, firstKey, scale), plan, "attention")
        .words(heads(out))
        .words(statistics(lse))
        .shared(plan.sharedBytes())
        .run(plan.blocks(q), q.shape().dim(2), q.shape().dim(0), plan.threads());
  }

  void attentionGrad(
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
    Launch.requireOn(device, "attentionGrad", q, k, v, firstKey, out, lse, g, dq, dk, dv);
    Problem problem = new Problem(q, k, v, firstKey, scale);
    AttentionPlan plan =
        AttentionPlan.of(AttentionPlan.Pass.BACKWARD, gpu, precision, q, k, v, g, dq, dk, dv);
    long batch = q.shape().dim(0);
    long heads = q.shape().dim(2);
    try (Scope _ = device.memory().scratch()) {
      Tensor delta = Tensor.empty(device, q.dtype(), Shape.of(batch, heads, q.shape().dim(1)));
      launch(problem, plan, "attentionDelta")
          .words(heads(out))
          .words(heads(g))
          .words(statistics(delta))
          .run(plan.deltaBlocks(q), heads, batch, plan.threads());
      if (dq != null) {
        launch(problem, plan, "attentionQueryGrad")
            .words(statistics(lse))
            .words(statistics(delta))
            .words(heads(g))
            .words(heads(dq))
            .write(dqWrite)
            .shared(plan.sharedBytes())
            .run(plan.blocks(q), heads, batch, plan.threads());
      }
      Gradient keys = new Gradient(dk, dkWrite);
      Gradient values = new Gradient(dv, dvWrite);
      if (plan.byHead() && heads != k.shape().dim(2)) {
        Gradient keysByHead = keys.byHead(heads);
        Gradient valuesByHead = values.byHead(heads);
        keyGrad(problem, plan, lse, delta, g, keysByHead, valuesByHead);
        keys.addUp(keysByHead);
        values.addUp(valuesByHead);
      } else {
        keyGrad(problem, plan, lse, delta, g, keys, values);
      }
    }
  }

  /** A gradient of [B, T, groups, D], if it is wanted. */
  private record Gradient(@Nullable Tensor tensor, Write write) {
    /** An empty one of [B, T, heads, D]. */
    Gradient byHead(long heads) {
      return tensor == null
          ? this
          : new Gradient(
              Tensor.empty(
                  tensor.device(),
                  tensor.dtype(),
                  Shape.of(
                      tensor.shape().dim(0), tensor.shape().dim(1), heads, tensor.shape().dim(3))),
              Write.SET);
    }

    /** Adds up the heads of each group, in their order. */
    void addUp(Gradient byHead) {
      if (tensor != null && byHead.tensor != null) {
        Shape shape = tensor.shape();
        long groups = shape.dim(2);
        Tensor terms =
            byHead.tensor.reshape(
                shape.dim(0),
                shape.dim(1),
                groups,
                byHead.tensor.shape().dim(2) / groups,
                shape.dim(3));
        tensor.device().backend().sum(terms, tensor.unsqueeze(3), 1, write);
      }
    }
  }

  private void keyGrad(
      Problem problem,
      AttentionPlan plan,
      Tensor lse,
      Tensor delta,
      Tensor g,
      Gradient keys,
      Gradient values) {
    if (keys.tensor == null && values.tensor == null) {
      return;
    }
    long heads = (plan.byHead() ? problem.q : problem.k).shape().dim(2);
    launch(problem, plan, "attentionKeyGrad")
        .words(statistics(lse))
        .words(statistics(delta))
        .words(heads(g))
        .words(heads(keys.tensor))
        .write(keys.write)
        .words(heads(values.tensor))
        .write(values.write)
        .shared(plan.sharedBytes())
        .run(plan.blocks(problem.k), heads, problem.q.shape().dim(0), plan.threads());
  }

  private Launch launch(Problem problem, AttentionPlan plan, String kernel) {
    return kernels
        .launch(plan.file(), kernel, problem.q.dtype(), plan.definitions())
        .words(problem.words());
  }

  /** {@code struct Heads} of [B, T, H, D]; null has no data. */
  private static long[] heads(@Nullable Tensor t) {
    return t == null
        ? new long[4]
        : new long[] {Launch.address(t), t.stride(0), t.stride(1), t.stride(2)};
  }

  /** {@code struct Heads} of [B, H, T]. */
  private static long[] statistics(Tensor t) {
    return new long[] {Launch.address(t), t.stride(0), t.stride(2), t.stride(1)};
  }

  /** Two neighbouring ints of a structure, the lower one first. */
  private static long ints(long low, long high) {
    return Math.toIntExact(low) | (long) Math.toIntExact(high) << Integer.SIZE;
  }

  private static long[] concat(long[]... parts) {
    int length = 0;
    for (long[] part : parts) {
      length += part.length;
    }
    long[] all = new long[length];
    int next = 0;
    for (long[] part : parts) {
      System.arraycopy(part, 0, all, next, part.length);
      next += part.length;
    }
    return all;
  }
}
