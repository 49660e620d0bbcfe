package dev.granula.cuda;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.List;

/**
 * Products of strided, batched, regrouped matrices as calls of cuBLAS: one strided-batched call for
 * all matrices of a batch that lie a constant distance apart. What BLAS cannot read in place is
 * copied to scratch memory first. Of GraLoRA's products that is the operand of rank size, whose
 * columns are runs of r/k: its copy costs a small part of what one more pass over the output would,
 * and a product cut into runs makes k - 1 of those.
 */
final class Matmul {
  /** The first capability with BF16 in cuBLAS, Ampere's; an older one gets a widened copy. */
  private static final int BF16_CAPABILITY = 80;

  private final Device device;
  private final Products products;
  private final Kernels kernels;
  private final boolean multipliesBf16;

  Matmul(Device device, Products products, Kernels kernels, Gpu gpu) {
    this.device = device;
    this.products = products;
    this.kernels = kernels;
    multipliesBf16 = gpu.computeCapability() >= BF16_CAPABILITY;
  }

  void matmul(Matrix a, Matrix b, Matrix out, double scale, Write write) {
    Launch.requireOn(device, "matmul", a.tensor(), b.tensor(), out.tensor());
    if (out.tensor().elementCount() == 0) {
      return;
    }
    if (a.cols().size() == 0) {
      if (write == Write.SET) {
        device.backend().fill(out.tensor(), 0);
      }
      return;
    }
    try (Scope _ = device.memory().scratch()) {
      DType dtype = out.tensor().dtype();
      if (fits(out, dtype)) {
        multiply(a, b, out, scale, write);
      } else {
        Matrix result = empty(out, dtype);
        multiply(a, b, result, scale, Write.SET);
        Backend backend = device.backend();
        backend.evaluate(
            Expression.input(0), List.of(result.tensor()), new double[0], out.tensor(), write);
      }
    }
  }

  private void multiply(Matrix a, Matrix b, Matrix out, double scale, Write write) {
    DType dtype = out.tensor().dtype();
    boolean narrow = multipliesBf16 && dtype == DType.F32 && b.tensor().dtype() == DType.BF16;
    if (!narrow || a.tensor().dtype() != DType.F32) {
      batches(readable(a, dtype), readable(b, dtype), out, scale, write == Write.ADD);
      return;
    }
    Matrix right = readable(b, DType.BF16);
    Tensor terms = split(a.tensor());
    // The small terms first, so that their sum is not lost beside the large one.
    for (long t = products.precision().terms - 1; t >= 0; t--) {
      Tensor term = terms.slice(0, t, t + 1).reshape(a.tensor().shape().toArray());
      boolean adds = write == Write.ADD || t < products.precision().terms - 1;
      batches(like(a, term), right, out, scale, adds);
    }
  }

  /** BF16 [terms, elements of x]. */
  private Tensor split(Tensor x) {
    long count = x.elementCount();
    int terms = products.precision().terms;
    Tensor out = Tensor.empty(device, DType.BF16, Shape.of(terms, count));
    kernels
        .launch("split.cu", "split", DType.F32)
        .view(x)
        .pointer(out)
        .words(count)
        .integer(terms)
        .runElements(count);
    return out;
  }

  /** The matrix itself where BLAS can read it as it lies, else a copy. */
  private Matrix readable(Matrix matrix, DType dtype) {
    if (fits(matrix, dtype)) {
      return matrix;
    }
    Matrix copy = empty(matrix, dtype);
    device.backend().copy(matrix.tensor(), copy.tensor());
    return copy;
  }

  private static boolean fits(Matrix matrix, DType dtype) {
    return matrix.tensor().dtype() == dtype && Operand.of(matrix) != null;
  }

  private Matrix empty(Matrix like, DType dtype) {
    return like(like, Tensor.empty(device, dtype, like.tensor().shape()));
  }

  private static Matrix like(Matrix matrix, Tensor tensor) {
    return new Matrix(tensor, matrix.batchDims(), matrix.rowDims(), matrix.transposed());
  }

  /** All operands can be read in place. */
  private void batches(Matrix a, Matrix b, Matrix out, double scale, boolean adds) {
    for (long first = 0; first < out.batch(); ) {
      Batch batch = Batch.from(a, b, out, first);
      products.multiply(
          new Products.Call(
              a.tensor().dtype(),
              out.tensor().dtype(),
              out.rows().size(),
              out.cols().size(),
              a.cols().size(),
              operand(a),
              operand(b),
              operand(out),
              addresses(batch.starts, a, b, out),
              batch.steps,
              batch.count,
              scale,
              adds ? 1 : 0));
      first += batch.count;
    }
  }

  private static Operand operand(Matrix matrix) {
    Operand operand = Operand.of(matrix);
    if (operand == null) {
      throw new IllegalStateException("matmul: not packed: " + matrix);
    }
    return operand;
  }

  private static long[] addresses(long[] offsets, Matrix... matrices) {
    long[] addresses = new long[offsets.length];
    for (int i = 0; i < offsets.length; i++) {
      Tensor tensor = matrices[i].tensor();
      addresses[i] = tensor.memory().address() + offsets[i] * tensor.dtype().byteSize();
    }
    return addresses;
  }

  /** Neighbouring matrices of a batch that lie a constant distance apart, in all three operands. */
  private record Batch(long count, long[] starts, long[] steps) {
    static Batch from(Matrix a, Matrix b, Matrix out, long first) {
      long[] starts = offsets(a, b, out, first);
      long[] steps = new long[starts.length];
      long[] last = starts;
      long count = 1;
      while (first + count < out.batch()) {
        long[] next = offsets(a, b, out, first + count);
        for (int i = 0; i < steps.length; i++) {
          long step = next[i] - last[i];
          if (step < 0 || count > 1 && step != steps[i]) {
            return new Batch(count, starts, steps);
          }
        }
        for (int i = 0; i < steps.length; i++) {
          steps[i] = next[i] - last[i];
        }
        last = next;
        count++;
      }
      return new Batch(count, starts, steps);
    }

    private static long[] offsets(Matrix a, Matrix b, Matrix out, long index) {
      return new long[] {a.batchOffset(index), b.batchOffset(index), out.batchOffset(index)};
    }
  }
}
