package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.DType;
import dev.granula.tensor.DTypeException;
import dev.granula.tensor.Shape;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.Arrays;
import java.util.List;

/** Rows of a table [V, D] by ids (I32, any shape): [ids..., D]. */
public record Embedding(Tensor ids) implements Op {
  @Override
  public Spec infer(List<Spec> in) {
    Spec table = in.getFirst();
    if (table.shape().rank() != 2) {
      throw new ShapeException(
          "embedding: needs a table [V, D]: %s with ids %s".formatted(table.shape(), ids.shape()));
    }
    if (!table.dtype().isFloating()) {
      throw new DTypeException("embedding: the table must be floating: " + table.dtype());
    }
    Types.checkIndices(name(), "ids", ids.dtype());
    long[] dims = Arrays.copyOf(ids.shape().toArray(), ids.shape().rank() + 1);
    dims[ids.shape().rank()] = table.shape().dim(1);
    boolean wide = table.dtype() == DType.F64;
    return new Spec(Shape.of(dims), wide ? DType.F64 : DType.F32);
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    ctx.backend().gather(in.getFirst(), ids, out);
  }

  @Override
  public List<Tensor> attributes() {
    return List.of(ids);
  }

  // dTable[ids[n]] += g[n]
  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Tensor target = grads.target(0);
    if (target == null) {
      return;
    }
    if (grads.write(0) == Write.SET) {
      ctx.backend().fill(target, 0);
    }
    ctx.backend().scatterAdd(g, ids, target);
  }
}
