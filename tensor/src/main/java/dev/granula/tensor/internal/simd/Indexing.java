package dev.granula.tensor.internal.simd;

import static dev.granula.tensor.expression.Expression.input;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.expression.Expression;

/**
 * Rows of a table by index; each method returns false, and does nothing, if rows are not
 * neighbouring elements of a type that it knows.
 */
final class Indexing {
  private static final Expression X = input(0);

  /** Columns that one task of a scatter works on. */
  private static final int STRIP = 128;

  private final Context context;

  Indexing(Context context) {
    this.context = context;
  }

  boolean gather(Tensor table, Tensor ids, Tensor out) {
    if (!Rows.supports(out)
        || !Indices.supports(ids)
        || table.stride(1) != 1
        || !Casts.toF32(table.dtype())) {
      return false;
    }
    Rows target = Rows.of(out);
    int[] rows = Indices.read("gather", ids, table.shape().dim(0));
    context.forRows(
        rows.length,
        target.width,
        (from, to, _) -> {
          for (int n = (int) from; n < to; n++) {
            long position = table.offset() + rows[n] * table.stride(0);
            Casts.widen(
                table.dtype(),
                table.memory(),
                position,
                target.memory,
                target.bytes(n) / Float.BYTES,
                target.width);
          }
        });
    return true;
  }

  /** Each task takes some columns and all ids in order, so that no two tasks meet in a row. */
  boolean scatterAdd(Tensor g, Tensor ids, Tensor out) {
    if (!Rows.supports(g, out) || !Indices.supports(ids)) {
      return false;
    }
    int[] rows = Indices.read("scatterAdd", ids, out.shape().dim(0));
    int width = Math.toIntExact(out.shape().dim(1));
    Loop add = context.loops().get(X, Store.ADD);
    context
        .workers()
        .run(
            (width + STRIP - 1) / STRIP,
            (strip, _) -> {
              int from = strip * STRIP;
              int to = Math.min(width, from + STRIP);
              Rows source = Rows.of(g.slice(-1, from, to));
              Rows target = Rows.of(out.slice(1, from, to));
              Pass pass = new Pass(add, 0, source);
              for (int n = 0; n < rows.length; n++) {
                pass.store(n, target, rows[n]);
              }
            });
    return true;
  }
}
