package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.List;

/**
 * Rotary position embedding (Su et al. 2021) in Hugging Face's half-split form: x [B, T, H, D],
 * positions I32 [B, T], cos and sin [P, D/2].
 */
public record Rotary(Tensor positions, Tensor cos, Tensor sin) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Shape x = in.getFirst().shape();
    boolean fits =
        x.rank() == 4
            && positions.shape().equals(Shape.of(x.dim(0), x.dim(1)))
            && cos.shape().rank() == 2
            && cos.shape().dim(1) * 2 == x.dim(3)
            && sin.shape().equals(cos.shape());
    if (!fits) {
      throw new ShapeException(
          "rotary: needs x [B, T, H, D], positions [B, T], tables [P, D/2]: %s, %s, %s"
              .formatted(x, positions.shape(), cos.shape()));
    }
    Types.checkIndices(name(), "positions", positions.dtype());
    return new Spec(x, Types.common(name(), in));
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    ctx.backend().rotary(in.getFirst(), positions, cos, sin, false, out, Write.SET);
  }

  @Override
  public List<Tensor> attributes() {
    return List.of(positions, cos, sin);
  }

  // a rotation: the gradient turns the other way
  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Tensor target = grads.target(0);
    if (target != null) {
      ctx.backend().rotary(g, positions, cos, sin, true, target, grads.write(0));
    }
  }
}
