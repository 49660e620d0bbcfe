package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The nested loops over an output and the operands read at the same positions, with dimensions of
 * size 1 dropped, the others ordered by the output's strides, and neighbours merged wherever all
 * operands allow it. There is always an innermost dimension.
 *
 * @param dims sizes, outermost first
 * @param strides in elements, by operand and dimension; operand 0 is the output
 */
record Nest(long[] dims, long[][] strides) {

  /** Operands expand to the shape of {@code first}. */
  static Nest of(Tensor first, List<Tensor> others) {
    List<long[]> levels = new ArrayList<>();
    List<Tensor> operands = new ArrayList<>(others.size() + 1);
    operands.add(first);
    for (Tensor other : others) {
      operands.add(other.expand(first.shape()));
    }
    for (int d = 0; d < first.shape().rank(); d++) {
      if (first.shape().dim(d) != 1) {
        levels.add(level(operands, d));
      }
    }
    levels.sort(Comparator.comparingLong((long[] level) -> -Math.abs(level[1])));
    merge(levels);
    if (levels.isEmpty()) {
      long[] one = new long[operands.size() + 1];
      one[0] = 1;
      levels.add(one);
    }
    long[] dims = new long[levels.size()];
    long[][] strides = new long[operands.size()][levels.size()];
    for (int d = 0; d < dims.length; d++) {
      dims[d] = levels.get(d)[0];
      for (int k = 0; k < strides.length; k++) {
        strides[k][d] = levels.get(d)[k + 1];
      }
    }
    return new Nest(dims, strides);
  }

  /** Size of a dimension, then the stride of each operand. */
  private static long[] level(List<Tensor> operands, int d) {
    long[] level = new long[operands.size() + 1];
    level[0] = operands.get(0).shape().dim(d);
    for (int k = 0; k < operands.size(); k++) {
      level[k + 1] = operands.get(k).stride(d);
    }
    return level;
  }

  private static void merge(List<long[]> levels) {
    for (int d = levels.size() - 2; d >= 0; d--) {
      long[] outer = levels.get(d);
      long[] inner = levels.get(d + 1);
      boolean adjacent = true;
      for (int k = 1; k < inner.length; k++) {
        adjacent &= outer[k] == inner[k] * inner[0];
      }
      if (adjacent) {
        inner[0] *= outer[0];
        levels.remove(d);
      }
    }
  }

  int rank() {
    return dims.length;
  }

  /** Size of the innermost dimension. */
  long inner() {
    return dims[dims.length - 1];
  }

  /** Stride of {@code operand} in the innermost dimension. */
  long innerStride(int operand) {
    return strides[operand][dims.length - 1];
  }

  /** Number of turns of all loops but the innermost. */
  long outer() {
    long count = 1;
    for (int d = 0; d < dims.length - 1; d++) {
      count *= dims[d];
    }
    return count;
  }

  /** Position, in elements, of {@code operand} at turn {@code index} of the outer loops. */
  long position(int operand, long index) {
    long position = 0;
    for (int d = dims.length - 2; d >= 0; d--) {
      position += (index % dims[d]) * strides[operand][d];
      index /= dims[d];
    }
    return position;
  }

  /** Goes through the outer loops from turn {@code index} on. */
  Cursor cursor(long index) {
    return new Cursor(index);
  }

  /** The positions of all operands at one turn of the outer loops. */
  final class Cursor {
    /** In elements, by operand. */
    final long[] positions = new long[strides.length];

    private final long[] turns = new long[dims.length - 1];

    private Cursor(long index) {
      for (int k = 0; k < positions.length; k++) {
        positions[k] = position(k, index);
      }
      for (int d = turns.length - 1; d >= 0; d--) {
        turns[d] = index % dims[d];
        index /= dims[d];
      }
    }

    /** To the next turn; after the last one comes the first. */
    void advance() {
      for (int d = turns.length - 1; d >= 0; d--) {
        boolean wraps = ++turns[d] == dims[d];
        long steps = wraps ? 1 - dims[d] : 1;
        for (int k = 0; k < positions.length; k++) {
          positions[k] += steps * strides[k][d];
        }
        if (!wraps) {
          return;
        }
        turns[d] = 0;
      }
    }
  }

  /** These loops without outer dimension {@code dim}. */
  Nest without(int dim) {
    long[][] fewer = new long[strides.length][];
    for (int k = 0; k < strides.length; k++) {
      fewer[k] = without(strides[k], dim);
    }
    return new Nest(without(dims, dim), fewer);
  }

  private static long[] without(long[] values, int index) {
    long[] fewer = new long[values.length - 1];
    System.arraycopy(values, 0, fewer, 0, index);
    System.arraycopy(values, index + 1, fewer, index, fewer.length - index);
    return fewer;
  }
}
