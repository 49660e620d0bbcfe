package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Causal attention softmax(scale q k^T) v with grouped-query heads and no stored score matrix: q
 * [B, T, H, D], k and v [B, S, G, D]; {@code firstKey} I32 [B, T] bounds packed samples.
 */
public record Attention(@Nullable Tensor firstKey, double scale) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Shape q = in.get(0).shape();
    Shape k = in.get(1).shape();
    boolean fits =
        q.rank() == 4
            && k.rank() == 4
            && in.get(2).shape().equals(k)
            && q.dim(0) == k.dim(0)
            && q.dim(3) == k.dim(3)
            && k.dim(2) > 0
            && q.dim(2) % k.dim(2) == 0
            && q.dim(1) <= k.dim(1);
    if (!fits) {
      throw new ShapeException(
          "attention: needs q [B, T, H, D], k and v [B, S, G, D], S >= T, H a multiple of G: %s, %s, %s"
              .formatted(q, k, in.get(2).shape()));
    }
    if (firstKey != null) {
      checkFirstKey(firstKey, q);
    }
    return new Spec(q, Types.common(name(), in));
  }

  private void checkFirstKey(Tensor bounds, Shape q) {
    if (!bounds.shape().equals(q.slice(0, 2))) {
      throw new ShapeException(
          "attention: firstKey must be [B, T]: %s for q %s".formatted(bounds.shape(), q));
    }
    Types.checkIndices(name(), "firstKey", bounds.dtype());
  }

  @Override
  public List<Tensor> attributes() {
    return firstKey == null ? List.of() : List.of(firstKey);
  }

  @Override
  public boolean takesStrides() {
    return true;
  }

  /** Any strides but within a head: a slice of a cache of keys is read where it lies. */
  @Override
  public boolean accepts(Tensor operand) {
    return operand.shape().dim(-1) == 1 || operand.stride(-1) == 1;
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    Shape q = out.shape();
    Tensor lse = ctx.scratch(out.dtype(), Shape.of(q.dim(0), q.dim(2), q.dim(1)));
    ctx.backend().attention(in.get(0), in.get(1), in.get(2), firstKey, scale, out, lse);
    for (int i = 0; i < 3; i++) {
      ctx.save(i, in.get(i));
    }
    ctx.save(3, out);
    ctx.save(4, lse);
  }

  // P = softmax(scale q k^T), dP = g v^T, dS = P (dP - sum(g out)):
  // dq = scale dS k, dk = scale dS^T q, dv = P^T g
  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Tensor dq = grads.target(0);
    Tensor dk = grads.target(1);
    Tensor dv = grads.target(2);
    ctx.backend()
        .attentionGrad(
            ctx.saved(0),
            ctx.saved(1),
            ctx.saved(2),
            firstKey,
            scale,
            ctx.saved(3),
            ctx.saved(4),
            g,
            dq,
            grads.write(0),
            dk,
            grads.write(1),
            dv,
            grads.write(2));
  }
}
