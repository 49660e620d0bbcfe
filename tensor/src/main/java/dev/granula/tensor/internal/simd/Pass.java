package dev.granula.tensor.internal.simd;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A loop with its operands, used by one task for one row after the other. */
final class Pass {
  /** Longer rows are reduced in pieces, whose results are put together in F64. */
  private static final int PIECE = Chunks.ELEMENTS;

  /** Numbers of the expression, to be set before each row. */
  final double[] scalars;

  private final Loop loop;
  private final Rows[] in;
  private final MemorySegment[] memories;
  private final long[] offsets;

  Pass(Loop loop, int scalars, Rows... in) {
    this(loop, new double[scalars], in);
  }

  /** A pass whose numbers are the same for all rows. */
  Pass(Loop loop, double[] scalars, Rows... in) {
    this.loop = loop;
    this.scalars = scalars;
    this.in = in;
    this.memories = new MemorySegment[in.length];
    this.offsets = new long[in.length];
    for (int i = 0; i < in.length; i++) {
      memories[i] = in[i].memory;
    }
  }

  /** Writes or adds to row {@code outRow} of {@code out}, as the loop was made. */
  void store(long row, Rows out, long outRow) {
    place(row, 0);
    loop.run(memories, offsets, scalars, out.memory, out.bytes(outRow), out.width);
  }

  void store(long row, Rows out) {
    store(row, out, row);
  }

  /** The sum over a row. */
  double sum(long row, MemorySegment partials) {
    return sum(row, 0, in[0].width, partials);
  }

  /** The sum over elements {@code from} to {@code to - 1} of a row. */
  double sum(long row, int from, int to, MemorySegment partials) {
    double sum = 0;
    for (int start = from; start < to; start += PIECE) {
      place(row, start);
      loop.run(memories, offsets, scalars, partials, 0, Math.min(PIECE, to - start));
      sum += sumOf(partials);
    }
    return sum;
  }

  /** The largest value of a row, NaN if there is one. */
  float max(long row, MemorySegment partials) {
    place(row, 0);
    loop.run(memories, offsets, scalars, partials, 0, in[0].width);
    float a = Float.NEGATIVE_INFINITY;
    float b = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < Store.PARTIALS; i += 2) {
      a = Math.max(a, partials.getAtIndex(ValueLayout.JAVA_FLOAT, i));
      b = Math.max(b, partials.getAtIndex(ValueLayout.JAVA_FLOAT, i + 1));
    }
    return Math.max(a, b);
  }

  private void place(long row, int start) {
    for (int i = 0; i < in.length; i++) {
      offsets[i] = in[i].bytes(row) + 4L * start;
    }
  }

  private static double sumOf(MemorySegment partials) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    for (int i = 0; i < Store.PARTIALS; i += 4) {
      a += partials.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      b += partials.getAtIndex(ValueLayout.JAVA_FLOAT, i + 1);
      c += partials.getAtIndex(ValueLayout.JAVA_FLOAT, i + 2);
      d += partials.getAtIndex(ValueLayout.JAVA_FLOAT, i + 3);
    }
    return (a + b) + (c + d);
  }
}
