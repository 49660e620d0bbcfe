package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.expression.Expression.input;

import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;
import java.util.List;

/**
 * Sums and norms of F32 tensors; each method returns false, and does nothing, if the layout is one
 * that it does not speed up.
 */
final class Sums {
  private static final Expression X = input(0);
  private static final Expression SQUARE = X.mul(X);

  /** Outside of these bounds squares in F32 lose digits or overflow. */
  private static final double SMALLEST_SQUARES = 1e-24;

  private static final double LARGEST_SQUARES = 1e36;

  private final Context context;
  private final ColumnSums columns;

  Sums(Context context, ColumnSums columns) {
    this.context = context;
    this.columns = columns;
  }

  /**
   * A sum is over neighbouring elements (row sums), or between rows that stay rows (column sums);
   * the dimensions outside of that may be of either kind.
   */
  boolean sum(Tensor in, Tensor out, double scale, Write write) {
    if (in.dtype() != DType.F32 || out.dtype() != DType.F32 || in.elementCount() == 0) {
      return false;
    }
    Nest nest = Nest.of(in, List.of(out));
    boolean neighbours = nest.innerStride(0) == 1 || nest.inner() == 1;
    boolean reduced = nest.innerStride(1) == 0;
    if (!neighbours || nest.inner() > Integer.MAX_VALUE || !reduced && nest.innerStride(1) != 1) {
      return false;
    }
    int[] order = keptFirst(nest);
    int kept = 0;
    while (kept < order.length && nest.strides()[1][order[kept]] != 0) {
      kept++;
    }
    Rows inRows = rows(in, nest, 0, order, order.length, nest.inner());
    Rows outRows = rows(out, nest, 1, order, kept, reduced ? 1 : nest.inner());
    if (reduced) {
      rowSums(inRows, outRows, scale, write);
    } else {
      long rows = inRows.count / outRows.count;
      columns.run(in.device(), X, 0, new Rows[] {inRows}, rows, outRows, scale, write);
    }
    return true;
  }

  /** The dimensions outside of the innermost one, those that are summed last. */
  private static int[] keptFirst(Nest nest) {
    int[] order = new int[nest.rank() - 1];
    int next = 0;
    for (int pass = 0; pass < 2; pass++) {
      for (int d = 0; d < order.length; d++) {
        if ((nest.strides()[1][d] == 0) == (pass == 1)) {
          order[next++] = d;
        }
      }
    }
    return order;
  }

  private static Rows rows(
      Tensor tensor, Nest nest, int operand, int[] order, int count, long width) {
    long[] dims = new long[count];
    long[] strides = new long[count];
    for (int i = 0; i < count; i++) {
      dims[i] = nest.dims()[order[i]];
      strides[i] = nest.strides()[operand][order[i]];
    }
    return new Rows(tensor.memory(), tensor.offset(), dims, strides, width);
  }

  /** {@code out[group]} collects {@code in.count / out.count} rows, long ones in pieces. */
  private void rowSums(Rows in, Rows out, double scale, Write write) {
    long pieces = (in.width + Chunks.ELEMENTS - 1L) / Chunks.ELEMENTS;
    Loop loop = context.loops().get(X, Store.SUM);
    double[] sums = new double[Math.toIntExact(in.count * pieces)];
    context.forRows(
        sums.length,
        Math.min(in.width, Chunks.ELEMENTS),
        (from, to, worker) -> {
          Pass pass = new Pass(loop, 0, in);
          for (long i = from; i < to; i++) {
            int start = (int) (i % pieces) * Chunks.ELEMENTS;
            int end = (int) Math.min(in.width, start + (long) Chunks.ELEMENTS);
            sums[(int) i] = pass.sum(i / pieces, start, end, context.scratch().row(worker, 0));
          }
        });
    int each = Math.toIntExact(sums.length / out.count);
    for (int group = 0; group < out.count; group++) {
      double sum = 0;
      for (int i = 0; i < each; i++) {
        sum += sums[group * each + i];
      }
      double before = write == Write.ADD ? out.get(group, 0) : 0;
      out.set(group, 0, before + scale * sum);
    }
  }

  boolean norm(List<Tensor> in, Tensor out) {
    if (!Pieces.supports(in)) {
      return false;
    }
    Pieces pieces = Pieces.of(in);
    Loop loop = context.loops().get(SQUARE, Store.SUM);
    double[] squares = new double[pieces.count()];
    context
        .workers()
        .run(
            squares.length,
            (task, worker) -> {
              Rows piece = pieces.rows(in, task);
              squares[task] = new Pass(loop, 0, piece).sum(0, context.scratch().row(worker, 0));
            });
    double sum = 0;
    for (double square : squares) {
      sum += square;
    }
    if (!(sum > SMALLEST_SQUARES && sum < LARGEST_SQUARES)) {
      return false;
    }
    out.store(out.offset(), Math.sqrt(sum));
    return true;
  }
}
