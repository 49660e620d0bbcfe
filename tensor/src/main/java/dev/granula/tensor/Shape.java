package dev.granula.tensor;

import java.util.Arrays;

/** The dimensions of a tensor, outermost first; rank 0 is a scalar and a dimension may be 0. */
public final class Shape {
  private static final Shape SCALAR = new Shape();
  private final long[] dims;
  private final long elementCount;

  private Shape(long... dims) {
    this.dims = dims;
    long count = 1;
    for (long dim : dims) {
      if (dim < 0) {
        throw new ShapeException(
            "shape: dimensions must not be negative: " + Arrays.toString(dims));
      }
      count = multiply(count, dim, dims);
    }
    this.elementCount = count;
  }

  private static long multiply(long count, long dim, long[] dims) {
    try {
      return Math.multiplyExact(count, dim);
    } catch (ArithmeticException e) {
      throw new ShapeException("shape: more than 2^63 elements: " + Arrays.toString(dims));
    }
  }

  public static Shape of(long... dims) {
    return dims.length == 0 ? SCALAR : new Shape(dims.clone());
  }

  public static Shape scalar() {
    return SCALAR;
  }

  public int rank() {
    return dims.length;
  }

  /** Size of dimension {@code dim}; a negative {@code dim} counts from the end. */
  public long dim(int dim) {
    return dims[normalize(dim)];
  }

  /** Maps a negative dimension index to its place from the front. */
  public int normalize(int dim) {
    int index = dim < 0 ? dim + dims.length : dim;
    if (index < 0 || index >= dims.length) {
      throw new ShapeException(
          "shape: dimension %d is outside rank %d: %s".formatted(dim, dims.length, this));
    }
    return index;
  }

  public long elementCount() {
    return elementCount;
  }

  public long[] toArray() {
    return dims.clone();
  }

  /** This shape with dimension {@code dim} replaced by {@code size}. */
  public Shape with(int dim, long size) {
    long[] copy = dims.clone();
    copy[normalize(dim)] = size;
    return new Shape(copy);
  }

  /**
   * The shape {@code dims} for the elements of this one; one dimension may be -1.
   *
   * @throws ShapeException if the element counts differ
   */
  public Shape reshape(long... dims) {
    long[] resolved = dims.clone();
    int unknown = -1;
    long known = 1;
    for (int d = 0; d < dims.length; d++) {
      if (dims[d] == -1 && unknown < 0) {
        unknown = d;
      } else {
        known *= dims[d];
      }
    }
    if (unknown >= 0 && known > 0 && elementCount % known == 0) {
      resolved[unknown] = elementCount / known;
    }
    if (unknown < 0 || resolved[unknown] >= 0) {
      Shape target = of(resolved);
      if (target.elementCount == elementCount) {
        return target;
      }
    }
    throw new ShapeException(
        "reshape: element counts differ: %s to %s".formatted(this, Arrays.toString(dims)));
  }

  /** The dimensions {@code from} (inclusive) to {@code to} (exclusive). */
  public Shape slice(int from, int to) {
    return of(Arrays.copyOfRange(dims, from, to));
  }

  /** The strides, in elements, of a row-major tensor of this shape. */
  public long[] contiguousStrides() {
    long[] strides = new long[dims.length];
    long stride = 1;
    for (int d = dims.length - 1; d >= 0; d--) {
      strides[d] = stride;
      stride *= Math.max(1, dims[d]);
    }
    return strides;
  }

  /**
   * The common shape of two operands under NumPy's broadcasting rule.
   *
   * @throws ShapeException if a dimension differs and neither side is 1
   */
  public static Shape broadcast(String operation, Shape a, Shape b) {
    int rank = Math.max(a.rank(), b.rank());
    long[] dims = new long[rank];
    for (int d = 0; d < rank; d++) {
      long left = d < rank - a.rank() ? 1 : a.dims[d - (rank - a.rank())];
      long right = d < rank - b.rank() ? 1 : b.dims[d - (rank - b.rank())];
      if (left != right && left != 1 && right != 1) {
        throw new ShapeException(
            "%s: shapes do not broadcast: %s with %s; each dimension must be equal or 1"
                .formatted(operation, a, b));
      }
      dims[d] = left == 1 ? right : left;
    }
    return of(dims);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape shape && Arrays.equals(dims, shape.dims);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  @Override
  public String toString() {
    return Arrays.toString(dims);
  }
}
