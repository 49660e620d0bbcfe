package dev.granula.tensor.reference;

import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;

/** Rows of a table by index: table [V, D], ids [N...], rows [N..., D]. */
final class PlainIndexing {
  private PlainIndexing() {}

  static void gather(Tensor table, Tensor ids, Tensor out) {
    for (long n = 0; n < ids.elementCount(); n++) {
      long id = ids.loadLong(ids.position(n));
      long from = Plain.rowStart(table, Plain.checkIndex("gather", id, table.shape().dim(0)));
      long to = Plain.rowStart(out, n);
      for (long d = 0; d < table.shape().dim(1); d++) {
        out.store(to + d * out.stride(-1), table.load(from + d * table.stride(1)));
      }
    }
  }

  /** The gradient of {@link #gather}: a row that was read several times collects all of them. */
  static void scatterAdd(Tensor g, Tensor ids, Tensor out) {
    for (long n = 0; n < ids.elementCount(); n++) {
      long id = ids.loadLong(ids.position(n));
      long to = Plain.rowStart(out, Plain.checkIndex("scatterAdd", id, out.shape().dim(0)));
      long from = Plain.rowStart(g, n);
      for (long d = 0; d < out.shape().dim(1); d++) {
        Plain.put(out, to + d * out.stride(1), g.load(from + d * g.stride(-1)), Write.ADD);
      }
    }
  }
}
