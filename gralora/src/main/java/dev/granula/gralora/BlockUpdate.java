package dev.granula.gralora;

import dev.granula.tensor.Matrix;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.List;

/**
 * Factors multiplied out to a weight update [O, I]. For output block j and input block n, with s =
 * r/k:
 *
 * <pre>{@code
 * R[j, n] = (A[n][:, j s : (j+1) s]  B[j][n s : (n+1) s, :])^T        [O/k, I/k]
 * }</pre>
 *
 * plus {@code Bg Ag} for a hybrid part.
 */
final class BlockUpdate {
  private BlockUpdate() {}

  /** {@code scale * R}. */
  static Tensor of(List<Tensor> factors, double scale) {
    Tensor out = empty(factors);
    addProducts(factors, factors, out, scale, Write.SET);
    return out;
  }

  /** The product rule: {@code scale * (dA B + A dB)} in every place. */
  static Tensor derivative(List<Tensor> factors, List<Tensor> changes, double scale) {
    Tensor out = empty(factors);
    addProducts(changes, factors, out, scale, Write.SET);
    addProducts(factors, changes, out, scale, Write.ADD);
    return out;
  }

  private static Tensor empty(List<Tensor> factors) {
    Tensor a = factors.get(0);
    Tensor b = factors.get(1);
    long in = a.shape().dim(0) * a.shape().dim(1);
    long out = b.shape().dim(0) * b.shape().dim(2);
    return Tensor.empty(a.device(), a.dtype(), Shape.of(out, in));
  }

  /** The A sides come from {@code left}, the B sides from {@code right}. */
  private static void addProducts(
      List<Tensor> left, List<Tensor> right, Tensor out, double scale, Write write) {
    Tensor a = left.get(0).contiguous();
    Tensor b = right.get(1).contiguous();
    long k = a.shape().dim(0);
    long s = a.shape().dim(2) / k;
    // batches (j, n); rows O/k, columns I/k
    Tensor rows = b.reshape(k, k, s, b.shape().dim(2)).permute(0, 1, 3, 2);
    Tensor columns = a.reshape(k, a.shape().dim(1), k, s).permute(2, 0, 3, 1);
    Tensor blocks = out.reshape(k, b.shape().dim(2), k, a.shape().dim(1)).permute(0, 2, 1, 3);
    out.backend().matmul(Matrix.of(rows), Matrix.of(columns), Matrix.of(blocks), scale, write);
    if (left.size() > 2) {
      Matrix general = Matrix.of(right.get(3));
      out.backend().matmul(general, Matrix.of(left.get(2)), Matrix.of(out), scale, Write.ADD);
    }
  }
}
