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
import org.jspecify.annotations.Nullable;

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

  /** A matrix that BLAS takes as it lies. */
  private record Packed(Matrix matrix, Operand operand) {
    Tensor tensor() {
      return matrix.tensor();
    }
  }

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
      Packed result = packed(out, dtype);
      if (result != null) {
        multiply(a, b, result, scale, write);
      } else {
        result = empty(out, dtype);
        multiply(a, b, result, scale, Write.SET);
        Backend backend = device.backend();
        backend.evaluate(
            Expression.input(0), List.of(result.tensor()), new double[0], out.tensor(), write);
      }
    }
  }

  private void multiply(Matrix a, Matrix b, Packed out, double scale, Write write) {
    DType dtype = out.tensor().dtype();
    if (!splits(a.tensor().dtype(), b.tensor().dtype(), dtype)) {
      batches(readable(a, dtype), readable(b, dtype), out, scale, write == Write.ADD);
      return;
    }
    Packed right = readable(b, DType.BF16);
    Tensor terms = split(a.tensor());
    // The small terms first, so that their sum is not lost beside the large one.
    for (long t = products.precision().terms - 1; t >= 0; t--) {
      Tensor term = terms.slice(0, t, t + 1).reshape(a.tensor().shape().toArray());
      boolean adds = write == Write.ADD || t < products.precision().terms - 1;
      batches(packed(a, term), right, out, scale, adds);
    }
  }

  /** Whether the left operand becomes terms of BF16. */
  private boolean splits(DType a, DType b, DType out) {
    return multipliesBf16 && a == DType.F32 && b == DType.BF16 && out == DType.F32;
  }

  /** Bytes of scratch memory for an element of an operand that BLAS can read as it lies. */
  record Copies(long left, long right) {}

  /** Of a product in the type of {@code a}. */
  Copies copies(DType a, DType b) {
    if (splits(a, b, a)) {
      return new Copies(products.precision().terms * DType.BF16.byteSize(), 0);
    }
    return new Copies(0, a == b ? 0 : a.byteSize());
  }

  /** BF16 [terms, elements of x]. */
  private Tensor split(Tensor x) {
    long count = x.elementCount();
    int terms = products.precision().terms;
    Tensor out = Tensor.empty(device, DType.BF16, Shape.of(terms, count));
    int width = Access.ofRows(x);
    kernels
        .launch("split.cu", "split", DType.F32, Access.macro(width))
        .view(x)
        .pointer(out)
        .words(count / width)
        .integer(terms)
        .runElements(count / width);
    return out;
  }

  /** The matrix itself where BLAS can read it as it lies, else a copy. */
  private Packed readable(Matrix matrix, DType dtype) {
    Packed packed = packed(matrix, dtype);
    if (packed == null) {
      packed = empty(matrix, dtype);
      device.backend().copy(matrix.tensor(), packed.tensor());
    }
    return packed;
  }

  /** Null where BLAS cannot take the matrix as it lies. */
  private static @Nullable Packed packed(Matrix matrix, DType dtype) {
    Operand operand = matrix.tensor().dtype() == dtype ? Operand.of(matrix) : null;
    return operand == null ? null : new Packed(matrix, operand);
  }

  private Packed empty(Matrix like, DType dtype) {
    return packed(like, Tensor.empty(device, dtype, like.tensor().shape()));
  }

  /** {@code tensor}, which is contiguous, in place of that of {@code like}. */
  private static Packed packed(Matrix like, Tensor tensor) {
    Matrix matrix = new Matrix(tensor, like.batchDims(), like.rowDims(), like.transposed());
    Packed packed = packed(matrix, tensor.dtype());
    if (packed == null) {
      throw new IllegalStateException("matmul: not packed: " + matrix);
    }
    return packed;
  }

  private void batches(Packed a, Packed b, Packed out, double scale, boolean adds) {
    long total = out.matrix.batch();
    for (long first = 0; first < total; ) {
      Batch batch = Batch.from(a.matrix, b.matrix, out.matrix, first, total);
      products.multiply(
          new Products.Call(
              a.tensor().dtype(),
              out.tensor().dtype(),
              a.operand,
              b.operand,
              out.operand,
              addresses(batch.starts, a.tensor(), b.tensor(), out.tensor()),
              batch.steps,
              batch.count,
              scale,
              adds ? 1 : 0));
      first += batch.count;
    }
  }

  private static long[] addresses(long[] offsets, Tensor... tensors) {
    long[] addresses = new long[offsets.length];
    for (int i = 0; i < offsets.length; i++) {
      addresses[i] = tensors[i].memory().address() + offsets[i] * tensors[i].dtype().byteSize();
    }
    return addresses;
  }

  /** Neighbouring matrices of a batch that lie a constant distance apart, in all three operands. */
  private record Batch(long count, long[] starts, long[] steps) {
    static Batch from(Matrix a, Matrix b, Matrix out, long first, long total) {
      long[] starts = offsets(a, b, out, first);
      long[] steps = new long[starts.length];
      long[] last = starts;
      long count = 1;
      while (first + count < total) {
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
