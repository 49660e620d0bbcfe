package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.List;

/** Dimensions in another order. */
public record Permute(List<Integer> order) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Shape from = in.getFirst().shape();
    if (order.size() != from.rank()) {
      throw new ShapeException("permute: %s for shape %s".formatted(order, from));
    }
    long[] dims = order.stream().mapToLong(d -> from.dim(d)).toArray();
    return new Spec(Shape.of(dims), in.getFirst().dtype());
  }

  private int[] forwardOrder() {
    return order.stream().mapToInt(Integer::intValue).toArray();
  }

  @Override
  public Tensor view(List<Tensor> in) {
    return in.getFirst().permute(forwardOrder());
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    ctx.backend().copy(view(in), out);
  }

  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    int[] inverse = new int[order.size()];
    for (int d = 0; d < inverse.length; d++) {
      inverse[g.shape().normalize(order.get(d))] = d;
    }
    grads.pass(0, g.permute(inverse));
  }

  @Override
  public boolean takesStrides() {
    return true;
  }
}
