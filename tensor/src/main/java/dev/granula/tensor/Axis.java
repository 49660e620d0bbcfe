package dev.granula.tensor;

/**
 * One side of a matrix inside a strided tensor, as at most two nested dimensions: element {@code i}
 * lies at {@code (i / inner) * outerStride + (i % inner) * innerStride}. Two levels are what
 * GraLoRA's permutation of the rank axis needs: {@code r} ranks seen as k runs of r/k.
 *
 * @param size number of elements along this side
 * @param inner length of the inner dimension; equal to {@code size} when one level is enough
 * @param innerStride distance, in elements, of neighbours in the inner dimension
 * @param outerStride distance of the starts of inner runs
 */
public record Axis(long size, long inner, long innerStride, long outerStride) {
  /** Offset of element {@code i}, in elements. */
  public long offset(long i) {
    return inner == size ? i * innerStride : (i / inner) * outerStride + (i % inner) * innerStride;
  }

  /** True if the elements lie one after the other with a single stride. */
  public boolean isUniform() {
    return inner == size;
  }

  /** Merges the dimensions {@code from..to} of a tensor into one side. */
  static Axis of(Tensor tensor, int from, int to, String what) {
    long size = 1;
    long inner = 1;
    long innerStride = 1;
    long outerStride = 0;
    boolean split = false;
    for (int d = to - 1; d >= from; d--) {
      long dim = tensor.shape().dim(d);
      long stride = tensor.stride(d);
      if (dim == 0) {
        return new Axis(0, 0, 1, 0);
      }
      if (dim == 1) {
        continue;
      }
      if (size == 1) {
        inner = dim;
        innerStride = stride;
      } else if (!split && stride == inner * innerStride) {
        inner *= dim;
      } else if (!split) {
        split = true;
        outerStride = stride;
      } else if (stride != outerStride * (size / inner)) {
        throw new ShapeException(
            "matmul: %s of %s with strides %s needs more than two levels; make it contiguous first"
                .formatted(what, tensor.shape(), java.util.Arrays.toString(tensor.strides())));
      }
      size *= dim;
    }
    return new Axis(size, split ? inner : size, innerStride, outerStride);
  }
}
