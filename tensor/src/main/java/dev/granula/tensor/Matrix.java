package dev.granula.tensor;

/**
 * A tensor read as a batch of matrices: the first {@code batchDims} dimensions count matrices, the
 * next {@code rowDims} together form the rows, the remaining ones the columns. So a product takes
 * any strided, transposed or regrouped view without a copy.
 */
public record Matrix(Tensor tensor, int batchDims, int rowDims, boolean transposed) {
  /** The last two dimensions are rows and columns, all before count matrices. */
  public static Matrix of(Tensor tensor) {
    if (tensor.shape().rank() < 2) {
      throw new ShapeException("matmul: an operand needs at least 2 dimensions: " + tensor.shape());
    }
    return new Matrix(tensor, tensor.shape().rank() - 2, 1, false);
  }

  /** All dimensions but the last form the rows. */
  public static Matrix flat(Tensor tensor) {
    return new Matrix(tensor, 0, tensor.shape().rank() - 1, false);
  }

  /** Groups the dimensions as batch, rows and columns. */
  public static Matrix grouped(Tensor tensor, int batchDims, int rowDims) {
    return new Matrix(tensor, batchDims, rowDims, false);
  }

  /** The blocks of columns of {@code [M, N]} as matrices {@code [M, N / blocks]}. */
  public static Matrix columnBlocks(Tensor tensor, long blocks) {
    long rows = tensor.shape().dim(0);
    Tensor split = tensor.reshape(rows, blocks, tensor.shape().dim(1) / blocks);
    return of(split.permute(1, 0, 2));
  }

  public Matrix transpose() {
    return new Matrix(tensor, batchDims, rowDims, !transposed);
  }

  public Axis rows() {
    return transposed ? trailing() : leading();
  }

  public Axis cols() {
    return transposed ? leading() : trailing();
  }

  private Axis leading() {
    return Axis.of(tensor, batchDims, batchDims + rowDims, "the rows");
  }

  private Axis trailing() {
    return Axis.of(tensor, batchDims + rowDims, tensor.shape().rank(), "the columns");
  }

  /** Number of matrices. */
  public long batch() {
    long count = 1;
    for (int d = 0; d < batchDims; d++) {
      count *= tensor.shape().dim(d);
    }
    return count;
  }

  /** Storage offset, in elements, of matrix {@code index}. */
  public long batchOffset(long index) {
    long offset = tensor.offset();
    for (int d = batchDims - 1; d >= 0; d--) {
      long dim = tensor.shape().dim(d);
      offset += (index % dim) * tensor.stride(d);
      index /= dim;
    }
    return offset;
  }

  /** {@code [batch, rows, cols]}, for messages. */
  public Shape shape() {
    return Shape.of(batch(), rows().size(), cols().size());
  }
}
