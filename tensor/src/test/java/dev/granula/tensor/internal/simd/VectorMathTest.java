package dev.granula.tensor.internal.simd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import dev.granula.tensor.cpu.CpuDevice;
import dev.granula.tensor.expression.Expression;
import java.util.Arrays;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

/** Our elementary functions against F64, over all of F32. */
class VectorMathTest {
  private static final float INF = Float.POSITIVE_INFINITY;

  /** Not a power of two, so that all mantissas occur; the sweep has 2.1 million arguments. */
  private static final int BITS_STEP = 2039;

  private static final int BATCH = 1 << 15;

  @FunctionalInterface
  interface VectorFunction {
    FloatVector apply(FloatVector x);
  }

  @FunctionalInterface
  interface ScalarFunction {
    double apply(double x);
  }

  private static float at(VectorFunction function, float x) {
    return function.apply(FloatVector.broadcast(Simd.F32, x)).lane(0);
  }

  private static void assertAccurate(
      double largestError, VectorFunction function, ScalarFunction exact) {
    float[] x = new float[BATCH];
    float[] y = new float[BATCH];
    double worst = 0;
    float worstAt = 0;
    for (long bits = 0; bits < 1L << 32; bits += (long) BATCH * BITS_STEP) {
      for (int i = 0; i < BATCH; i++) {
        x[i] = Float.intBitsToFloat((int) (bits + (long) i * BITS_STEP));
      }
      for (int i = 0; i < BATCH; i += Simd.LANES) {
        function.apply(FloatVector.fromArray(Simd.F32, x, i)).intoArray(y, i);
      }
      for (int i = 0; i < BATCH; i++) {
        double error = error(y[i], exact.apply(x[i]));
        if (error > worst) {
          worst = error;
          worstAt = x[i];
        }
      }
    }
    assertTrue(worst <= largestError, "relative error " + worst + " at " + worstAt);
  }

  @FunctionalInterface
  interface PlainFunction {
    float apply(float x);
  }

  private static void assertSameBits(VectorFunction function, PlainFunction plain) {
    float[] x = new float[Simd.LANES];
    float[] y = new float[Simd.LANES];
    for (long bits = 0; bits < 1L << 32; bits += (long) Simd.LANES * BITS_STEP) {
      for (int i = 0; i < x.length; i++) {
        x[i] = Float.intBitsToFloat((int) (bits + (long) i * BITS_STEP));
      }
      function.apply(FloatVector.fromArray(Simd.F32, x, 0)).intoArray(y, 0);
      for (int i = 0; i < x.length; i++) {
        // Of NaN no more is promised than that it is one.
        assertEquals(y[i], plain.apply(x[i]));
      }
    }
  }

  /** assertEquals tells zeros apart by their sign and takes every NaN for the same. */
  @Test
  void plainFunctionsHaveTheSameBits() {
    assertSameBits(VectorMath::exp, PlainMath::exp);
    assertSameBits(VectorMath::log, PlainMath::log);
    assertSameBits(VectorMath::tanh, PlainMath::tanh);
    assertSameBits(VectorMath::erf, PlainMath::erf);
  }

  /** Relative; below the normal range relative to the smallest normal number. */
  private static double error(float actual, double exact) {
    if (Double.isNaN(exact)) {
      return Float.isNaN(actual) ? 0 : INF;
    }
    if (Float.isInfinite((float) exact) || Float.isInfinite(actual)) {
      return (float) exact == actual ? 0 : INF;
    }
    return Math.abs(actual - exact) / Math.max(Math.abs(exact), Float.MIN_NORMAL);
  }

  @Test
  void expIsAccurate() {
    assertAccurate(1.0e-7, VectorMath::exp, Math::exp);
  }

  /** Every 1/1000 from -90 to 88, relative to a score of 3 that the subtraction keeps exact. */
  @Test
  void weightsAreAccurate() {
    int width = 2 * Simd.LANES;
    float[] reference = new float[width];
    Arrays.fill(reference, 3);
    float[] sums = new float[width];
    float[] values = new float[width];
    for (int i = -90_000; i <= 88_000 - width; i += width) {
      float[] x = new float[width];
      Arrays.fill(sums, 0);
      for (int lane = 0; lane < width; lane++) {
        values[lane] = 3 + (i + lane) / 1000f;
        x[lane] = values[lane] - 3;
      }
      VectorMath.weights(values, 0, 1, width, reference, sums, 0);
      for (int lane = 0; lane < width; lane++) {
        double exact = x[lane] < -87 ? 0 : Math.exp(x[lane]);
        double allowed = exact * (1.5e-7 + 3e-9 * Math.abs(x[lane]));
        assertEquals(exact, values[lane], allowed, () -> "of " + Arrays.toString(x));
        assertEquals(values[lane], sums[lane]);
      }
    }
  }

  @Test
  void weightsAtTheLimits() {
    int width = 2 * Simd.LANES;
    float[] values = new float[3 * width];
    Arrays.fill(values, 0, width, Float.NEGATIVE_INFINITY);
    Arrays.fill(values, width, 2 * width, Float.NaN);
    float[] sums = new float[width];
    VectorMath.weights(values, 0, 1, width, new float[width], sums, 0);
    assertEquals(0f, sums[0]);
    VectorMath.weights(values, width, 2, width, new float[width], sums, 0);
    assertEquals(Float.NaN, values[width]);
    assertEquals(1f, values[2 * width]);
    assertEquals(Float.NaN, sums[width - 1]);
  }

  @Test
  void logIsAccurate() {
    assertAccurate(1.0e-7, VectorMath::log, Math::log);
  }

  @Test
  void tanhIsAccurate() {
    assertAccurate(1.5e-7, VectorMath::tanh, Math::tanh);
  }

  /** F64's erf is the reference back end's. */
  @Test
  void erfIsAccurate() {
    try (CpuDevice device = CpuDevice.reference()) {
      Expression erf = Expression.input(0).erf();
      Tensor x = Tensor.empty(device, DType.F64, Shape.of(1));
      Tensor y = Tensor.empty(device, DType.F64, Shape.of(1));
      assertAccurate(
          1.2e-7,
          VectorMath::erf,
          argument -> {
            x.store(0, argument);
            device.backend().evaluate(erf, List.of(x), new double[0], y, Write.SET);
            return y.load(0);
          });
    }
  }

  @Test
  void expAtTheLimits() {
    assertEquals(1f, at(VectorMath::exp, 0f));
    assertEquals(1f, at(VectorMath::exp, -0f));
    assertEquals(INF, at(VectorMath::exp, INF));
    assertEquals(0f, at(VectorMath::exp, -INF));
    assertEquals(INF, at(VectorMath::exp, 88.73f));
    assertEquals(Float.MIN_VALUE, at(VectorMath::exp, -103.2789f));
    assertEquals(Float.NaN, at(VectorMath::exp, Float.NaN));
  }

  @Test
  void logAtTheLimits() {
    assertEquals(0f, at(VectorMath::log, 1f));
    assertEquals(-INF, at(VectorMath::log, 0f));
    assertEquals(-INF, at(VectorMath::log, -0f));
    assertEquals(INF, at(VectorMath::log, INF));
    assertEquals(Float.NaN, at(VectorMath::log, -Float.MIN_VALUE));
    assertEquals(Float.NaN, at(VectorMath::log, -INF));
    assertEquals(Float.NaN, at(VectorMath::log, Float.NaN));
    assertEquals((float) Math.log(Float.MIN_VALUE), at(VectorMath::log, Float.MIN_VALUE));
  }

  @Test
  void oddFunctionsKeepTheSign() {
    for (VectorFunction function :
        Arrays.<VectorFunction>asList(VectorMath::tanh, VectorMath::erf)) {
      assertEquals(-0f, at(function, -0f));
      assertEquals(1f, at(function, INF));
      assertEquals(-1f, at(function, -INF));
      assertEquals(-1f, at(function, -20f));
      assertEquals(Float.NaN, at(function, Float.NaN));
      assertEquals(-at(function, 0.7f), at(function, -0.7f));
    }
    assertEquals(1e-30f, at(VectorMath::tanh, 1e-30f));
    assertEquals(Float.MIN_VALUE, at(VectorMath::tanh, Float.MIN_VALUE));
  }
}
