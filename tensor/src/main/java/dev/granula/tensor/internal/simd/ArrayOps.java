package dev.granula.tensor.internal.simd;

/**
 * The primitives of expressions over the first {@code n} elements of arrays. Each is one plain
 * loop, which the first compiler makes bearable and the second one turns into vector instructions
 * where it can; the values are those of {@link Primitives}, bit by bit.
 */
final class ArrayOps {
  private ArrayOps() {}

  static void neg(float[] x, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      out[i] = -x[i];
    }
  }

  static void reciprocal(float[] x, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      out[i] = 1f / x[i];
    }
  }

  static void exp(float[] x, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      out[i] = PlainMath.exp(x[i]);
    }
  }

  static void log(float[] x, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      out[i] = PlainMath.log(x[i]);
    }
  }

  static void sqrt(float[] x, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      out[i] = (float) Math.sqrt(x[i]);
    }
  }

  static void tanh(float[] x, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      out[i] = PlainMath.tanh(x[i]);
    }
  }

  static void erf(float[] x, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      out[i] = PlainMath.erf(x[i]);
    }
  }

  static void add(float[] x, float[] y, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      out[i] = x[i] + y[i];
    }
  }

  static void sub(float[] x, float[] y, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      out[i] = x[i] - y[i];
    }
  }

  static void mul(float[] x, float[] y, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      out[i] = x[i] * y[i];
    }
  }

  static void div(float[] x, float[] y, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      out[i] = x[i] / y[i];
    }
  }

  static void max(float[] x, float[] y, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      out[i] = Math.max(x[i], y[i]);
    }
  }

  static void selectLess(
      float[] a, float[] b, float[] ifTrue, float[] ifFalse, float[] out, int n) {
    for (int i = 0; i < n; i++) {
      out[i] = a[i] < b[i] ? ifTrue[i] : ifFalse[i];
    }
  }

  /** Element i joins partial result i % {@link Store#PARTIALS}. */
  static void sum(float[] x, float[] partials, int n) {
    for (int start = 0; start < n; start += Store.PARTIALS) {
      int count = Math.min(Store.PARTIALS, n - start);
      for (int i = 0; i < count; i++) {
        partials[i] += x[start + i];
      }
    }
  }

  /** The same with the larger of two numbers. */
  static void largest(float[] x, float[] partials, int n) {
    for (int start = 0; start < n; start += Store.PARTIALS) {
      int count = Math.min(Store.PARTIALS, n - start);
      for (int i = 0; i < count; i++) {
        partials[i] = Math.max(partials[i], x[start + i]);
      }
    }
  }
}
