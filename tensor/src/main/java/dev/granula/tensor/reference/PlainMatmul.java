package dev.granula.tensor.reference;

import dev.granula.tensor.Axis;
import dev.granula.tensor.Matrix;
import dev.granula.tensor.Write;

/** Matrix products, element by element. */
final class PlainMatmul {
  private PlainMatmul() {}

  /** a [batch, M, K], b [batch, K, N], out [batch, M, N]; the sum over K is kept in F64. */
  static void matmul(Matrix a, Matrix b, Matrix out, double scale, Write write) {
    for (long i = 0; i < out.batch(); i++) {
      multiply(a, a.batchOffset(i), b, b.batchOffset(i), out, out.batchOffset(i), scale, write);
    }
  }

  private static void multiply(
      Matrix a,
      long aStart,
      Matrix b,
      long bStart,
      Matrix out,
      long outStart,
      double scale,
      Write write) {
    Axis aRows = a.rows();
    Axis aCols = a.cols();
    Axis bRows = b.rows();
    Axis bCols = b.cols();
    Axis outRows = out.rows();
    Axis outCols = out.cols();
    for (long m = 0; m < outRows.size(); m++) {
      long aRow = aStart + aRows.offset(m);
      for (long n = 0; n < outCols.size(); n++) {
        long bCol = bStart + bCols.offset(n);
        double sum = 0;
        for (long k = 0; k < aCols.size(); k++) {
          sum += a.tensor().load(aRow + aCols.offset(k)) * b.tensor().load(bCol + bRows.offset(k));
        }
        long position = outStart + outRows.offset(m) + outCols.offset(n);
        Plain.put(out.tensor(), position, scale * sum, write);
      }
    }
  }
}
