package dev.granula.tensor.internal.simd;

import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import dev.granula.tensor.expression.Program;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Expressions in F32, compiled to loops over the innermost dimension. An operand whose neighbours
 * lie apart passes through a scratch row.
 */
final class Pointwise {
  /** Broadcast patterns are bits of a long. */
  private static final int MAX_INPUTS = 64;

  private final Context context;

  Pointwise(Context context) {
    this.context = context;
  }

  private static boolean supports(List<Tensor> in, Tensor out) {
    return out.dtype() == DType.F32
        && in.size() < MAX_INPUTS
        && in.stream().allMatch(t -> t.dtype() == DType.F32);
  }

  /** False if this is not F32 and nothing was done. */
  boolean evaluate(
      Expression expression, List<Tensor> in, double[] scalars, Tensor out, Write write) {
    if (!supports(in, out)) {
      return false;
    }
    if (out.elementCount() > 0) {
      run(expression, in, scalars, out, write);
    }
    return true;
  }

  private void run(
      Expression expression, List<Tensor> in, double[] scalars, Tensor out, Write write) {
    Program program = context.loops().program(expression);
    List<Tensor> read = new ArrayList<>(program.inputs());
    for (int i = 0; i < program.inputs(); i++) {
      // What the expression skips must not keep dimensions from merging.
      read.add(expression.reads(i) ? in.get(i) : out);
    }
    Nest nest = Nest.of(out, read);
    long broadcast = 0;
    for (int i = 0; i < read.size(); i++) {
      if (nest.innerStride(i + 1) == 0) {
        broadcast |= 1L << i;
      }
    }
    Loop loop = context.loops().get(expression, broadcast, Store.of(write));
    Call call = new Call(loop, nest, read, scalars, out, write);
    context.forRows(nest.outer() * call.pieces, Math.min(nest.inner(), Chunks.ELEMENTS), call::run);
  }

  /** One evaluation: what all its rows share. */
  private final class Call {
    final Loop loop;
    final Nest nest;
    final MemorySegment[] memories;
    final long[] offsets;
    final double[] scalars;
    final MemorySegment out;
    final long outOffset;
    final Write write;
    final boolean scattered;

    /** Parts of a row that are at most a chunk long. */
    final long pieces;

    Call(Loop loop, Nest nest, List<Tensor> in, double[] scalars, Tensor out, Write write) {
      this.loop = loop;
      this.nest = nest;
      this.memories = in.stream().map(Tensor::memory).toArray(MemorySegment[]::new);
      this.offsets = in.stream().mapToLong(Tensor::offset).toArray();
      this.scalars = scalars;
      this.out = out.memory();
      this.outOffset = out.offset();
      this.write = write;
      this.scattered = nest.innerStride(0) != 1 && nest.inner() > 1;
      this.pieces = (nest.inner() + Chunks.ELEMENTS - 1) / Chunks.ELEMENTS;
    }

    /** Pieces {@code from} to {@code to - 1} of all rows. */
    void run(long from, long to, int worker) {
      MemorySegment[] rows = memories.clone();
      long[] bytes = new long[rows.length];
      Nest.Cursor cursor = nest.cursor(from / pieces);
      for (long piece = from; piece < to; piece++) {
        runPiece(cursor.positions, piece % pieces * Chunks.ELEMENTS, rows, bytes, worker);
        if ((piece + 1) % pieces == 0) {
          cursor.advance();
        }
      }
    }

    /** Elements {@code start} and following of the row that begins at {@code positions}. */
    private void runPiece(
        long[] positions, long start, MemorySegment[] rows, long[] bytes, int worker) {
      int n = (int) Math.min(Chunks.ELEMENTS, nest.inner() - start);
      for (int i = 0; i < rows.length; i++) {
        long stride = nest.innerStride(i + 1);
        long position = offsets[i] + positions[i + 1] + start * stride;
        bytes[i] = 4 * position;
        if (stride != 0 && stride != 1) {
          rows[i] = context.scratch().row(worker, i + 1);
          bytes[i] = 0;
          Strided.gather(memories[i], position, stride, rows[i], n);
        }
      }
      long position = outOffset + positions[0] + start * nest.innerStride(0);
      if (scattered) {
        runScattered(rows, bytes, position, n, worker);
      } else {
        loop.run(rows, bytes, scalars, out, 4 * position, n);
      }
    }

    private void runScattered(
        MemorySegment[] rows, long[] bytes, long position, int n, int worker) {
      MemorySegment row = context.scratch().row(worker, 0);
      long stride = nest.innerStride(0);
      if (write == Write.ADD) {
        Strided.gather(out, position, stride, row, n);
      }
      loop.run(rows, bytes, scalars, row, 0, n);
      Strided.scatter(row, out, position, stride, n);
    }
  }

  /** Rows whose neighbours lie {@code stride} elements apart. */
  private static final class Strided {
    private Strided() {}

    static void gather(MemorySegment from, long position, long stride, MemorySegment row, int n) {
      for (int i = 0; i < n; i++) {
        row.setAtIndex(
            ValueLayout.JAVA_FLOAT,
            i,
            from.getAtIndex(ValueLayout.JAVA_FLOAT, position + i * stride));
      }
    }

    static void scatter(MemorySegment row, MemorySegment to, long position, long stride, int n) {
      for (int i = 0; i < n; i++) {
        to.setAtIndex(
            ValueLayout.JAVA_FLOAT,
            position + i * stride,
            row.getAtIndex(ValueLayout.JAVA_FLOAT, i));
      }
    }
  }
}
