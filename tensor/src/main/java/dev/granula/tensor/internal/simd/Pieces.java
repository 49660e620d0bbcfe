package dev.granula.tensor.internal.simd;

import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import java.util.List;

/**
 * A list of contiguous F32 tensors cut into pieces of at most {@link Chunks#ELEMENTS} elements, so
 * that one kernel works on all of them with all threads.
 */
final class Pieces {
  private final int[] tensors;
  private final long[] starts;

  private Pieces(int[] tensors, long[] starts) {
    this.tensors = tensors;
    this.starts = starts;
  }

  static boolean supports(List<Tensor> tensors) {
    for (Tensor tensor : tensors) {
      if (tensor.dtype() != DType.F32 || !tensor.isContiguous()) {
        return false;
      }
    }
    return true;
  }

  static Pieces of(List<Tensor> list) {
    long total = 0;
    for (Tensor tensor : list) {
      total += (tensor.elementCount() + Chunks.ELEMENTS - 1) / Chunks.ELEMENTS;
    }
    int[] tensors = new int[Math.toIntExact(total)];
    long[] starts = new long[tensors.length];
    int next = 0;
    for (int t = 0; t < list.size(); t++) {
      for (long start = 0; start < list.get(t).elementCount(); start += Chunks.ELEMENTS) {
        tensors[next] = t;
        starts[next++] = start;
      }
    }
    return new Pieces(tensors, starts);
  }

  int count() {
    return tensors.length;
  }

  /** Piece {@code piece} of the tensors of {@code list}, which has the shapes of the first list. */
  Rows rows(List<Tensor> list, int piece) {
    Tensor tensor = list.get(tensors[piece]);
    long start = starts[piece];
    long width = Math.min(Chunks.ELEMENTS, tensor.elementCount() - start);
    return new Rows(tensor.memory(), tensor.offset() + start, new long[] {1}, new long[1], width);
  }
}
