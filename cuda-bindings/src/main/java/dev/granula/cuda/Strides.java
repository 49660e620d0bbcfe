package dev.granula.cuda;

import dev.granula.tensor.DeviceException;
import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Some dimensions of a tensor as kernels see them: those of size 1 left out, neighbours with one
 * common stride merged. So nearly every tensor has one or two.
 */
record Strides(long[] dims, long[] strides) {
  /** As in {@code struct View}. */
  static final int MAX_RANK = 6;

  /** Dimensions {@code from} (inclusive) to {@code to} (exclusive). */
  static Strides of(Tensor tensor, int from, int to) {
    List<Integer> all = new ArrayList<>();
    for (int d = from; d < to; d++) {
      all.add(d);
    }
    return of(tensor, all);
  }

  /** The given dimensions, outermost first. */
  static Strides of(Tensor tensor, List<Integer> which) {
    List<Long> dims = new ArrayList<>();
    List<Long> strides = new ArrayList<>();
    for (int d : which) {
      long dim = tensor.shape().dim(d);
      long stride = tensor.stride(d);
      int last = dims.size() - 1;
      if (dim == 1) {
        continue;
      }
      if (last >= 0 && strides.get(last) == dim * stride) {
        dims.set(last, dims.get(last) * dim);
        strides.set(last, stride);
      } else {
        dims.add(dim);
        strides.add(stride);
      }
    }
    if (dims.size() > MAX_RANK) {
      throw new DeviceException(
          "cuda: kernels take at most %d dimensions: %s; make the tensor contiguous first"
              .formatted(MAX_RANK, tensor));
    }
    return new Strides(
        dims.stream().mapToLong(Long::longValue).toArray(),
        strides.stream().mapToLong(Long::longValue).toArray());
  }
}
