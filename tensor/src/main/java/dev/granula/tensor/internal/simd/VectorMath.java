package dev.granula.tensor.internal.simd;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.OR;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/**
 * Elementary functions in F32, made of fused multiply-adds, integer arithmetic and compares alone,
 * so that every machine and every vector width gives the same bits. The largest relative errors,
 * over all F32 arguments with a normal result, are held by a test: exp 1.0e-7, log 1.0e-7, tanh
 * 1.5e-7, erf 1.2e-7. NaN gives NaN, infinities give the limits, subnormal arguments and results
 * are not flushed.
 *
 * <p>The polynomials are minimax fits (Lawson's iteration) with F32 coefficients, lowest degree
 * first rounded and the others fitted again. {@link PlainMath} is the same for one number.
 */
final class VectorMath {
  static final float LOG2_E = 1.44269504f;
  static final float LN2 = 0.693147182f;
  static final float LN2_REST = -1.90465421e-9f;

  /** Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the sum. */
  static final float ROUNDER = 12582912f;

  /** ln 2 in two parts, the high one short enough for exact products with an exponent. */
  static final float LN2_HIGH = 0.693359375f;

  static final float LN2_LOW = -2.12194440e-4f;

  /** Bits of sqrt(1/2): subtracting them makes the exponent field that of x relative to it. */
  static final int SQRT_HALF_BITS = 0x3f3504f3;

  static final int MANTISSA_BITS = 23;
  static final int MANTISSA = (1 << MANTISSA_BITS) - 1;
  static final int BIAS = 127;
  static final int SIGN = 1 << 31;

  /** Coefficients of {@link #exp}, by the power of r. */
  static final float EXP_6 = 0x1.6a4f88p-10f;

  static final float EXP_5 = 0x1.123988p-7f;
  static final float EXP_4 = 0x1.5558aep-5f;
  static final float EXP_3 = 0x1.555492p-3f;
  static final float EXP_2 = 0x1.fffffcp-2f;

  /** Coefficients of {@link #log}, by the power of f. */
  static final float LOG_10 = -0x1.38c9dep-4f;

  static final float LOG_9 = 0x1.055ec6p-3f;
  static final float LOG_8 = -0x1.0d8242p-3f;
  static final float LOG_7 = 0x1.22d92ep-3f;
  static final float LOG_6 = -0x1.54728ap-3f;
  static final float LOG_5 = 0x1.99a01cp-3f;
  static final float LOG_4 = -0x1.000226p-2f;
  static final float LOG_3 = 0x1.555554p-2f;

  /** Coefficients of {@link #tanh} near 0, by the power of x. */
  static final float TANH_11 = -0x1.732bdp-8f;

  static final float TANH_9 = 0x1.51904p-6f;
  static final float TANH_7 = -0x1.b82628p-5f;
  static final float TANH_5 = 0x1.110684p-3f;
  static final float TANH_3 = -0x1.55553p-2f;

  /** Coefficients of {@link #erf} near 0, by the power of x. */
  static final float ERF_13 = 0x1.4771fcp-14f;

  static final float ERF_11 = -0x1.a3515ep-11f;
  static final float ERF_9 = 0x1.53f224p-8f;
  static final float ERF_7 = -0x1.b7f71ap-6f;
  static final float ERF_5 = 0x1.ce2ce6p-4f;
  static final float ERF_3 = -0x1.81273ep-2f;
  static final float ERF_1 = 0x1.06eba8p-3f;

  /** Coefficients of ln(1 - erf) far from 0, by the power of |x|. */
  static final float ERFC_7 = -0x1.9e08c6p-17f;

  static final float ERFC_6 = 0x1.5e2dcep-12f;
  static final float ERFC_5 = -0x1.e367c6p-9f;
  static final float ERFC_4 = 0x1.86e8dcp-6f;
  static final float ERFC_3 = -0x1.b39c98p-4f;
  static final float ERFC_2 = -0x1.45297ap-1f;
  static final float ERFC_1 = -0x1.20f03cp+0f;

  private VectorMath() {}

  /** e^x: x = n ln 2 + r, |r| <= ln 2 / 2, e^x = 2^n e^r with e^r a polynomial of degree 6. */
  static FloatVector exp(FloatVector x) {
    FloatVector shifted = x.fma(splat(LOG2_E), splat(ROUNDER));
    FloatVector mantissa = expOfRemainder(x, shifted.sub(ROUNDER));
    // 2^n itself leaves the range of F32 at both ends: 2^(n-1) * 2, or 2^(n+24) * 2^-24.
    VectorMask<Float> tiny = x.lt(-80f);
    IntVector bias = IntVector.broadcast(Simd.I32, BIAS - 1).blend(BIAS + 24, tiny.cast(Simd.I32));
    FloatVector power =
        shifted.reinterpretAsInts().add(bias).lanewise(LSHL, MANTISSA_BITS).reinterpretAsFloats();
    FloatVector rest = splat(2f).blend(0x1p-24f, tiny);
    return mantissa
        .mul(power)
        .mul(rest)
        .blend(0f, x.lt(-104f))
        .blend(Float.POSITIVE_INFINITY, x.compare(GT, 88.7228394f));
  }

  /**
   * Turns scores into weights {@code e^(score - reference)} in place: {@code count} rows of two
   * vectors, {@code stride} apart, from {@code start} on. Both vectors have their own references,
   * and their weights are added to {@code sums}. Differences are at most 88; below -87 the weight
   * is 0. The relative error is at most 1.5e-7 + 3e-9 |difference|: the low part of ln 2 is left
   * out, since weights are small where that shows.
   *
   * <p>Written out with the methods of the Vector API alone, which C2 inlines by force: helpers of
   * ours are called, with boxed vectors, as soon as the method that this is inlined into is large.
   */
  static void weights(
      float[] f, int start, int count, int stride, float[] reference, float[] sums, int at) {
    FloatVector log2e = FloatVector.broadcast(Simd.F32, LOG2_E);
    FloatVector rounder = FloatVector.broadcast(Simd.F32, ROUNDER + BIAS);
    FloatVector minusLn2 = FloatVector.broadcast(Simd.F32, -LN2);
    FloatVector one = FloatVector.broadcast(Simd.F32, 1);
    FloatVector p2 = FloatVector.broadcast(Simd.F32, EXP_2);
    FloatVector p3 = FloatVector.broadcast(Simd.F32, EXP_3);
    FloatVector p4 = FloatVector.broadcast(Simd.F32, EXP_4);
    FloatVector p5 = FloatVector.broadcast(Simd.F32, EXP_5);
    FloatVector p6 = FloatVector.broadcast(Simd.F32, EXP_6);
    FloatVector zero = FloatVector.zero(Simd.F32);
    FloatVector least = FloatVector.broadcast(Simd.F32, -87);
    FloatVector xReference = FloatVector.fromArray(Simd.F32, reference, at);
    FloatVector yReference = FloatVector.fromArray(Simd.F32, reference, at + Simd.LANES);
    FloatVector xSum = FloatVector.fromArray(Simd.F32, sums, at);
    FloatVector ySum = FloatVector.fromArray(Simd.F32, sums, at + Simd.LANES);
    for (int i = 0; i < count; i++) {
      FloatVector x = FloatVector.fromArray(Simd.F32, f, start + i * stride).sub(xReference);
      FloatVector xShifted = x.fma(log2e, rounder);
      FloatVector xr = xShifted.sub(rounder).fma(minusLn2, x);
      FloatVector xp = p6.fma(xr, p5).fma(xr, p4).fma(xr, p3).fma(xr, p2).fma(xr, one).fma(xr, one);
      xp =
          xp.mul(xShifted.reinterpretAsInts().lanewise(LSHL, MANTISSA_BITS).reinterpretAsFloats())
              .blend(zero, x.compare(LT, least));
      xp.intoArray(f, start + i * stride);
      xSum = xSum.add(xp);
      FloatVector y =
          FloatVector.fromArray(Simd.F32, f, start + i * stride + Simd.LANES).sub(yReference);
      FloatVector yShifted = y.fma(log2e, rounder);
      FloatVector yr = yShifted.sub(rounder).fma(minusLn2, y);
      FloatVector yp = p6.fma(yr, p5).fma(yr, p4).fma(yr, p3).fma(yr, p2).fma(yr, one).fma(yr, one);
      yp =
          yp.mul(yShifted.reinterpretAsInts().lanewise(LSHL, MANTISSA_BITS).reinterpretAsFloats())
              .blend(zero, y.compare(LT, least));
      yp.intoArray(f, start + i * stride + Simd.LANES);
      ySum = ySum.add(yp);
    }
    xSum.intoArray(sums, at);
    ySum.intoArray(sums, at + Simd.LANES);
  }

  /** e^x for |x| < 87 or NaN. */
  private static FloatVector expInRange(FloatVector x) {
    FloatVector shifted = x.fma(splat(LOG2_E), splat(ROUNDER));
    FloatVector power =
        shifted.reinterpretAsInts().add(BIAS).lanewise(LSHL, MANTISSA_BITS).reinterpretAsFloats();
    return expOfRemainder(x, shifted.sub(ROUNDER)).mul(power);
  }

  /** e^(x - n ln 2). */
  private static FloatVector expOfRemainder(FloatVector x, FloatVector n) {
    FloatVector r = n.fma(splat(-LN2), x);
    r = n.fma(splat(-LN2_REST), r);
    FloatVector p = splat(EXP_6);
    p = p.fma(r, splat(EXP_5));
    p = p.fma(r, splat(EXP_4));
    p = p.fma(r, splat(EXP_3));
    p = p.fma(r, splat(EXP_2));
    return p.fma(r.mul(r), r).add(1f);
  }

  /** ln x: x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt 2, ln(1 + f) = f - f^2/2 + f^3 P(f). */
  static FloatVector log(FloatVector x) {
    VectorMask<Float> subnormal = x.lt(Float.MIN_NORMAL);
    FloatVector normal = x.mul(splat(1f).blend(0x1p23f, subnormal));
    IntVector above = normal.reinterpretAsInts().sub(SQRT_HALF_BITS);
    FloatVector f = above.lanewise(AND, MANTISSA).add(SQRT_HALF_BITS).reinterpretAsFloats().sub(1f);
    FloatVector e =
        ((FloatVector) above.lanewise(ASHR, MANTISSA_BITS).convert(I2F, 0))
            .add(splat(0f).blend(-23f, subnormal));
    FloatVector p = splat(LOG_10);
    p = p.fma(f, splat(LOG_9));
    p = p.fma(f, splat(LOG_8));
    p = p.fma(f, splat(LOG_7));
    p = p.fma(f, splat(LOG_6));
    p = p.fma(f, splat(LOG_5));
    p = p.fma(f, splat(LOG_4));
    p = p.fma(f, splat(LOG_3));
    FloatVector square = f.mul(f);
    FloatVector small = e.fma(splat(LN2_LOW), p.mul(f).mul(square));
    FloatVector result = e.fma(splat(LN2_HIGH), square.fma(splat(-0.5f), small).add(f));
    return result
        .blend(Float.NEGATIVE_INFINITY, x.eq(0f))
        .blend(Float.NaN, x.lt(0f))
        .blend(x, x.lt(Float.POSITIVE_INFINITY).not());
  }

  /** x + x^3 P(x^2) up to 0.625, beyond it 1 - 2 / (e^2|x| + 1) with the sign of x. */
  static FloatVector tanh(FloatVector x) {
    FloatVector size = x.abs();
    FloatVector square = x.mul(x);
    FloatVector p = splat(TANH_11);
    p = p.fma(square, splat(TANH_9));
    p = p.fma(square, splat(TANH_7));
    p = p.fma(square, splat(TANH_5));
    p = p.fma(square, splat(TANH_3));
    FloatVector near = p.fma(square.mul(x), x);
    FloatVector clamped = size.blend(10f, size.compare(GT, 10f));
    FloatVector power = expInRange(clamped.add(clamped));
    FloatVector far = splat(1f).sub(splat(2f).div(power.add(1f)));
    return withSign(far.blend(near, size.lt(0.625f)), x);
  }

  /** x + x P(x^2) up to 0.95, beyond it 1 - e^(|x| Q(|x|)) with the sign of x. */
  static FloatVector erf(FloatVector x) {
    FloatVector size = x.abs();
    FloatVector square = x.mul(x);
    FloatVector p = splat(ERF_13);
    p = p.fma(square, splat(ERF_11));
    p = p.fma(square, splat(ERF_9));
    p = p.fma(square, splat(ERF_7));
    p = p.fma(square, splat(ERF_5));
    p = p.fma(square, splat(ERF_3));
    p = p.fma(square, splat(ERF_1));
    FloatVector near = p.fma(x, x);
    FloatVector t = size.blend(3.95f, size.compare(GT, 3.95f));
    FloatVector q = splat(ERFC_7);
    q = q.fma(t, splat(ERFC_6));
    q = q.fma(t, splat(ERFC_5));
    q = q.fma(t, splat(ERFC_4));
    q = q.fma(t, splat(ERFC_3));
    q = q.fma(t, splat(ERFC_2));
    q = q.fma(t, splat(ERFC_1));
    FloatVector far = splat(1f).sub(expInRange(q.mul(t)));
    return withSign(far.blend(near, size.lt(0.95f)), x);
  }

  private static FloatVector withSign(FloatVector magnitude, FloatVector sign) {
    IntVector bit = sign.reinterpretAsInts().lanewise(AND, SIGN);
    return magnitude.reinterpretAsInts().lanewise(OR, bit).reinterpretAsFloats();
  }

  private static FloatVector splat(float value) {
    return FloatVector.broadcast(Simd.F32, value);
  }
}
