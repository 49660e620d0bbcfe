package dev.granula.bench.work;

import dev.granula.models.CausalLm;
import dev.granula.nn.Parameter;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.ArrayList;
import java.util.List;

/** One row times every weight matrix of a model, in order: the products of one decoded token. */
public final class WeightProducts implements Runnable {
  private record RowProduct(Matrix row, Matrix weight, Matrix out) {}

  private final Device device;
  private final List<RowProduct> products = new ArrayList<>();
  private final long bytes;

  public WeightProducts(CausalLm model) {
    device = model.device();
    long total = 0;
    for (Parameter parameter : model.namedParameters().values()) {
      Tensor weight = parameter.data();
      if (weight.shape().rank() == 2) {
        products.add(
            new RowProduct(
                Matrix.of(row(weight.shape().dim(1))),
                Matrix.of(weight).transpose(),
                Matrix.of(row(weight.shape().dim(0)))));
        total += weight.shape().elementCount() * weight.dtype().byteSize();
      }
    }
    bytes = total;
  }

  private Tensor row(long width) {
    Tensor row = Tensor.emptyPersistent(device, DType.F32, Shape.of(1, width));
    device.backend().uniform(5, 0, row);
    return row;
  }

  /** Bytes of all weight matrices. */
  public long bytes() {
    return bytes;
  }

  @Override
  public void run() {
    for (RowProduct product : products) {
      device.backend().matmul(product.row, product.weight, product.out, 1, Write.SET);
    }
  }
}
