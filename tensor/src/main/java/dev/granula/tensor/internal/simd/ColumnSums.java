package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.expression.Expression.input;
import static dev.granula.tensor.expression.Expression.scalar;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.expression.Expression;

/**
 * Sums over rows, element by element: fixed runs of rows are added up into a partial row each, and
 * those in order into the result.
 */
final class ColumnSums {
  private static final Expression X = input(0);
  private static final Expression SCALED = X.mul(scalar(0));

  /** Enough that the partial rows are a small part of the work. */
  private static final int MIN_ROWS = 16;

  private final Context context;

  ColumnSums(Context context) {
    this.context = context;
  }

  /**
   * {@code out[group] = scale * sum over r of summand(in[group * rows + r])}.
   *
   * @param broadcast bit i is set if a row of operand i is one element
   * @param out one row for each group
   */
  void run(
      Device device,
      Expression summand,
      long broadcast,
      Rows[] in,
      long rows,
      Rows out,
      double scale,
      Write write) {
    long run = Math.max(MIN_ROWS, Chunks.rows(out.width));
    long runs = (rows + run - 1) / run;
    Loop add = context.loops().get(summand, broadcast, Store.ADD);
    try (Scope _ = device.memory().step()) {
      Tensor sums = Tensor.empty(device, DType.F32, Shape.of(out.count * runs, out.width));
      sums.contiguousMemory().fill((byte) 0);
      Rows partial = Rows.of(sums);
      context
          .workers()
          .run(
              Math.toIntExact(partial.count),
              (task, _) -> {
                Pass pass = new Pass(add, 0, in);
                long first = task / runs * rows;
                long from = task % runs * run;
                for (long r = from; r < Math.min(rows, from + run); r++) {
                  pass.store(first + r, partial, task);
                }
              });
      combine(partial, runs, out, scale, write);
    }
  }

  private void combine(Rows partial, long runs, Rows out, double scale, Write write) {
    Loop add = context.loops().get(X, Store.ADD);
    Loop store = context.loops().get(SCALED, Store.of(write));
    context.forRows(
        out.count,
        runs * out.width,
        (from, to, _) -> {
          Pass addPass = new Pass(add, 0, partial);
          Pass storePass = new Pass(store, 1, partial);
          storePass.scalars[0] = scale;
          for (long group = from; group < to; group++) {
            for (long r = 1; r < runs; r++) {
              addPass.store(group * runs + r, partial, group * runs);
            }
            storePass.store(group * runs, out, group);
          }
        });
  }
}
