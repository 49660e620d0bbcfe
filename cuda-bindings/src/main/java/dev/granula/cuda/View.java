package dev.granula.cuda;

import dev.granula.tensor.DeviceException;
import dev.granula.tensor.Tensor;

/**
 * {@code struct View}: dimensions of a tensor as kernels see them, those of size 1 left out,
 * neighbours with one common stride merged. So nearly every tensor has one or two.
 */
final class View {
  private static final int MAX_RANK = 6;
  private static final int DIMS = 2;
  private static final int STRIDES = DIMS + MAX_RANK;

  /** What the structure takes. */
  static final int WORDS = STRIDES + MAX_RANK;

  private View() {}

  /**
   * Writes the dimensions {@code from} (inclusive) to {@code to} (exclusive) to {@code words[at]}
   * and what follows. Beyond the rank nothing is written, since no kernel reads it, but that a
   * tensor of no dimensions has a stride of 0.
   */
  static void write(long address, Tensor tensor, int from, int to, long[] words, int at) {
    words[at + STRIDES] = 0;
    int end = at + DIMS;
    for (int d = from; d < to; d++) {
      long dim = tensor.shape().dim(d);
      long stride = tensor.stride(d);
      if (dim == 1) {
        continue;
      }
      if (end > at + DIMS && words[end - 1 + MAX_RANK] == dim * stride) {
        words[end - 1] *= dim;
        words[end - 1 + MAX_RANK] = stride;
        continue;
      }
      if (end == at + STRIDES) {
        throw new DeviceException(
            "cuda: kernels take at most %d dimensions: %s; make the tensor contiguous first"
                .formatted(MAX_RANK, tensor));
      }
      words[end] = dim;
      words[end + MAX_RANK] = stride;
      end++;
    }
    words[at] = address;
    words[at + 1] = end - at - DIMS;
  }
}
