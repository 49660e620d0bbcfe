package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Matrix;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Workers;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import dev.granula.tensor.reference.ReferenceBackend;
import java.util.List;

/**
 * The kernels of the processor on the Vector API and several threads. What it does not speed up,
 * F64 included, it inherits in plain Java. The kernels stand in one class per family.
 */
public final class SimdBackend extends ReferenceBackend {
  private final Workers workers;
  private final Pointwise pointwise;
  private final SimdMatmul products;

  public SimdBackend(Workers workers) {
    this.workers = workers;
    Loops loops = new Loops();
    this.pointwise = new Pointwise(workers, loops);
    this.products = new SimdMatmul(workers);
  }

  @Override
  public String name() {
    return "simd-" + Simd.F32.vectorBitSize();
  }

  @Override
  public void matmul(Matrix a, Matrix b, Matrix out, double scale, Write write) {
    if (!products.matmul(a, b, out, scale, write)) {
      super.matmul(a, b, out, scale, write);
    }
  }

  @Override
  public void evaluate(
      Expression expression, List<Tensor> in, double[] scalars, Tensor out, Write write) {
    if (!pointwise.evaluate(expression, in, scalars, out, write)) {
      super.evaluate(expression, in, scalars, out, write);
    }
  }
}
