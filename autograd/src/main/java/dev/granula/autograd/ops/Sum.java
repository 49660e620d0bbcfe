package dev.granula.autograd.ops;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.List;

/** Sum (or mean) over one dimension; the gradient is repeated along it. */
public record Sum(int dim, boolean keepDim, boolean mean) implements Op {
  @Override
  public String name() {
    return mean ? "mean" : "sum";
  }

  @Override
  public Spec infer(List<Spec> in) {
    Shape shape = in.getFirst().shape();
    Shape result = keepDim ? shape.with(dim, 1) : without(shape, shape.normalize(dim));
    return new Spec(result, Types.common(name(), in));
  }

  private static Shape without(Shape shape, int dim) {
    long[] dims = new long[shape.rank() - 1];
    for (int d = 0; d < dims.length; d++) {
      dims[d] = shape.dim(d < dim ? d : d + 1);
    }
    return Shape.of(dims);
  }

  private double factor(Shape in) {
    return mean ? 1.0 / in.dim(dim) : 1;
  }

  @Override
  public void forward(Context ctx, List<Tensor> in, Tensor out) {
    Shape shape = in.getFirst().shape();
    Tensor kept = out.reshape(shape.with(dim, 1).toArray());
    ctx.backend().sum(in.getFirst(), kept, factor(shape), Write.SET);
  }

  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Shape shape = grads.shape(0);
    Tensor repeated = g.reshape(shape.with(dim, 1).toArray()).expand(shape);
    double[] factor = {factor(shape)};
    Expression scaled = Expression.input(0).mul(Expression.scalar(0));
    grads.contribute(
        0,
        shape,
        (target, write) ->
            ctx.backend().evaluate(scaled, List.of(repeated), factor, target, write));
  }
}
