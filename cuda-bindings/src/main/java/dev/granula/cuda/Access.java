package dev.granula.cuda;

import dev.granula.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a printed kernel reaches an operand. Its threads take {@link #PACK} elements each, neighbours
 * in row-major order, where that is no more than one read or write for every operand; else one.
 */
enum Access {
  /** All elements lie in a row: a pointer, and no arithmetic of indices. */
  PLAIN,

  /** The elements of a pack lie in a row. */
  PACKED,

  /** The elements of a pack are one and the same: a value for whole rows. */
  SPREAD,

  /** Elements lie anywhere. */
  SINGLE;

  /** Of F32 they are 16 bytes, the most that a thread reads at once. */
  static final int PACK = 4;

  /**
   * Of {@code out} and then of each of {@code in}, which has its shape. Elements that some operand
   * cannot take by packs are taken one by one in all of them.
   */
  static List<Access> of(Tensor out, Tensor... in) {
    Access[] all = new Access[1 + in.length];
    all[0] = ofOne(out);
    boolean single = all[0] == SINGLE;
    for (int i = 0; i < in.length; i++) {
      all[i + 1] = ofOne(in[i]);
      single |= all[i + 1] == SINGLE;
    }
    if (single) {
      Arrays.fill(all, SINGLE);
    }
    return List.of(all);
  }

  /** Elements that a thread takes. */
  static int width(List<Access> all) {
    return all.contains(SINGLE) ? 1 : PACK;
  }

  /**
   * What a kernel takes at a time of the rows of tensors, which all have rows of one size: {@link
   * #PACK} elements where they are neighbours in all of them, else one.
   */
  static int ofRows(@Nullable Tensor... tensors) {
    int width = PACK;
    for (Tensor tensor : tensors) {
      if (tensor != null) {
        Access access = ofOne(tensor);
        boolean packs = access == PLAIN || access == PACKED;
        width = packs && tensor.shape().dim(-1) % PACK == 0 ? width : 1;
      }
    }
    return width;
  }

  /** The macro {@code WIDTH} of the kernels of rows. */
  static String macro(int width) {
    return width == 1 ? "WIDTH=1" : "WIDTH=" + PACK;
  }

  /** Adds the argument for {@code tensor}. */
  void add(Launch launch, Tensor tensor) {
    if (this == PLAIN) {
      launch.pointer(tensor);
    } else {
      launch.view(tensor);
    }
  }

  private static Access ofOne(Tensor tensor) {
    if (innerElements(tensor, outerDims(tensor, false)) % PACK == 0) {
      return SPREAD;
    }
    int outer = outerDims(tensor, true);
    boolean packs = innerElements(tensor, outer) % PACK == 0;
    packs &= Launch.address(tensor) % (PACK * tensor.dtype().byteSize()) == 0;
    for (int d = 0; d < outer; d++) {
      packs &= tensor.shape().dim(d) == 1 || tensor.stride(d) % PACK == 0;
    }
    return packs ? outer == 0 ? PLAIN : PACKED : SINGLE;
  }

  /** Dimensions before those whose elements lie in a row, or are one and the same element. */
  private static int outerDims(Tensor tensor, boolean inARow) {
    long run = 1;
    int d = tensor.shape().rank();
    while (d > 0) {
      long dim = tensor.shape().dim(d - 1);
      if (dim != 1 && tensor.stride(d - 1) != (inARow ? run : 0)) {
        break;
      }
      run *= dim;
      d--;
    }
    return d;
  }

  private static long innerElements(Tensor tensor, int outer) {
    long elements = 1;
    for (int d = outer; d < tensor.shape().rank(); d++) {
      elements *= tensor.shape().dim(d);
    }
    return elements;
  }
}
