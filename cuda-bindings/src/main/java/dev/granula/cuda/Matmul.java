package dev.granula.cuda;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.List;

/**
 * Products of strided, batched, regrouped matrices as calls of cuBLAS. A side with two levels is
 * cut into runs of one stride, and a batch into parts with one distance, each a strided-batched
 * call. What BLAS cannot read in place, and a right-hand side of a narrower type, is copied to
 * scratch memory first; BF16 and F16 are exact in F32.
 */
final class Matmul {
  private final Device device;
  private final Products products;

  Matmul(Device device, Products products) {
    this.device = device;
    this.products = products;
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
      long m = Operand.commonRun(a.rows(), out.rows());
      long k = Operand.commonRun(a.cols(), b.rows());
      long n = Operand.commonRun(b.cols(), out.cols());
      Matrix left = fits(a, dtype, m, k) ? a : packed(a, dtype);
      Matrix right = fits(b, dtype, k, n) ? b : packed(b, dtype);
      if (fits(out, dtype, m, n)) {
        multiply(left, right, out, scale, write);
      } else {
        Matrix result = empty(out, dtype);
        multiply(left, right, result, scale, Write.SET);
        Backend backend = device.backend();
        backend.evaluate(
            Expression.input(0), List.of(result.tensor()), new double[0], out.tensor(), write);
      }
    }
  }

  private static boolean fits(Matrix matrix, DType dtype, long rows, long cols) {
    return matrix.tensor().dtype() == dtype
        && Operand.of(matrix.rows(), matrix.cols(), rows, cols) != null;
  }

  private Matrix packed(Matrix matrix, DType dtype) {
    Matrix packed = empty(matrix, dtype);
    device.backend().copy(matrix.tensor(), packed.tensor());
    return packed;
  }

  private Matrix empty(Matrix like, DType dtype) {
    Tensor tensor = Tensor.empty(device, dtype, like.tensor().shape());
    return new Matrix(tensor, like.batchDims(), like.rowDims(), like.transposed());
  }

  /** All operands can be read in place, run by run. */
  private void multiply(Matrix a, Matrix b, Matrix out, double scale, Write write) {
    long m = Operand.commonRun(a.rows(), out.rows());
    long k = Operand.commonRun(a.cols(), b.rows());
    long n = Operand.commonRun(b.cols(), out.cols());
    for (long first = 0; first < out.batch(); ) {
      Batch batch = Batch.from(a, b, out, first);
      for (long i = 0; i < out.rows().size(); i += m) {
        for (long j = 0; j < out.cols().size(); j += n) {
          for (long l = 0; l < a.cols().size(); l += k) {
            long[] offsets = {
              batch.starts[0] + a.rows().offset(i) + a.cols().offset(l),
              batch.starts[1] + b.rows().offset(l) + b.cols().offset(j),
              batch.starts[2] + out.rows().offset(i) + out.cols().offset(j)
            };
            boolean adds = write == Write.ADD || l > 0;
            products.multiply(
                new Products.Call(
                    out.tensor().dtype(),
                    m,
                    n,
                    k,
                    operand(a, m, k),
                    operand(b, k, n),
                    operand(out, m, n),
                    addresses(offsets, a, b, out),
                    batch.steps,
                    batch.count,
                    scale,
                    adds ? 1 : 0));
          }
        }
      }
      first += batch.count;
    }
  }

  private static Operand operand(Matrix matrix, long rows, long cols) {
    Operand operand = Operand.of(matrix.rows(), matrix.cols(), rows, cols);
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
