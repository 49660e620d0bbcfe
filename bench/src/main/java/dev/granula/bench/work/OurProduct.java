package dev.granula.bench.work;

import dev.granula.bench.work.Products.Product;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;

/** One product of ours, on operands of its own. */
public final class OurProduct implements Runnable {
  private final Device device;
  private final Matrix a;
  private final Matrix b;
  private final Matrix out;

  /**
   * @param base element type of b
   */
  public OurProduct(Device device, Product product, DType base) {
    this.device = device;
    a = Matrix.of(random(device, DType.F32, product.rows(), product.depth()));
    b =
        product.transposed()
            ? Matrix.of(random(device, base, product.columns(), product.depth())).transpose()
            : Matrix.of(random(device, base, product.depth(), product.columns()));
    out = Matrix.of(random(device, DType.F32, product.rows(), product.columns()));
  }

  private static Tensor random(Device device, DType dtype, long rows, long columns) {
    Tensor tensor = Tensor.emptyPersistent(device, dtype, Shape.of(rows, columns));
    try (var _ = device.memory().step()) {
      Tensor drawn = Tensor.empty(device, DType.F32, tensor.shape());
      device.backend().uniform(7, 0, drawn);
      device.backend().copy(drawn, tensor);
    }
    return tensor;
  }

  @Override
  public void run() {
    device.backend().matmul(a, b, out, 1, Write.SET);
  }
}
