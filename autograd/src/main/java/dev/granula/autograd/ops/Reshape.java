package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The same elements in another shape; one dimension may be -1. */
public record Reshape(List<Long> dims) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Shape from = in.getFirst().shape();
    long[] to = dims.stream().mapToLong(Long::longValue).toArray();
    long known = 1;
    for (long dim : to) {
      known *= dim == -1 ? 1 : dim;
    }
    for (int d = 0; d < to.length; d++) {
      if (to[d] == -1 && known > 0) {
        to[d] = from.elementCount() / known;
        break;
      }
    }
    Shape shape = Shape.of(to);
    if (shape.elementCount() != from.elementCount()) {
      throw new ShapeException("reshape: element counts differ: %s to %s".formatted(from, dims));
    }
    return new Spec(shape, in.getFirst().dtype());
  }

  @Override
  public @Nullable Tensor view(List<Tensor> in) {
    Tensor x = in.getFirst();
    Shape shape = infer(List.of(new Spec(x.shape(), x.dtype()))).shape();
    return x.canReshape(shape) ? x.reshape(shape.toArray()) : null;
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    ctx.backend().copy(in.getFirst(), out.reshape(in.getFirst().shape().toArray()));
  }

  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Shape shape = grads.shape(0);
    grads.pass(0, (g.canReshape(shape) ? g : g.copy()).reshape(shape.toArray()));
  }

  @Override
  public boolean takesStrides() {
    return true;
  }
}
