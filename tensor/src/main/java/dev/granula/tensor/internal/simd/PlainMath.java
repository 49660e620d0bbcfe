package dev.granula.tensor.internal.simd;

/**
 * {@link VectorMath} for one number: the same operations in the same order, hence the same bits. It
 * is what loops call before their vector form is compiled.
 */
final class PlainMath {
  private PlainMath() {}

  static float exp(float x) {
    float shifted = Math.fma(x, VectorMath.LOG2_E, VectorMath.ROUNDER);
    float mantissa = expOfRemainder(x, shifted - VectorMath.ROUNDER);
    boolean tiny = x < -80f;
    int bias = tiny ? VectorMath.BIAS + 24 : VectorMath.BIAS - 1;
    float result = mantissa * power(shifted, bias) * (tiny ? 0x1p-24f : 2f);
    result = x < -104f ? 0f : result;
    return x > 88.7228394f ? Float.POSITIVE_INFINITY : result;
  }

  /** 2^(n + bias - 127), where the low bits of {@code shifted} are n. */
  private static float power(float shifted, int bias) {
    return Float.intBitsToFloat(
        (Float.floatToRawIntBits(shifted) + bias) << VectorMath.MANTISSA_BITS);
  }

  private static float expInRange(float x) {
    float shifted = Math.fma(x, VectorMath.LOG2_E, VectorMath.ROUNDER);
    return expOfRemainder(x, shifted - VectorMath.ROUNDER) * power(shifted, VectorMath.BIAS);
  }

  private static float expOfRemainder(float x, float n) {
    float r = Math.fma(n, -VectorMath.LN2, x);
    r = Math.fma(n, -VectorMath.LN2_REST, r);
    float p = VectorMath.EXP_6;
    p = Math.fma(p, r, VectorMath.EXP_5);
    p = Math.fma(p, r, VectorMath.EXP_4);
    p = Math.fma(p, r, VectorMath.EXP_3);
    p = Math.fma(p, r, VectorMath.EXP_2);
    return Math.fma(p, r * r, r) + 1f;
  }

  static float log(float x) {
    boolean subnormal = x < Float.MIN_NORMAL;
    int bits = Float.floatToRawIntBits(x * (subnormal ? 0x1p23f : 1f));
    int above = bits - VectorMath.SQRT_HALF_BITS;
    float f = Float.intBitsToFloat((above & VectorMath.MANTISSA) + VectorMath.SQRT_HALF_BITS) - 1f;
    float e = (above >> VectorMath.MANTISSA_BITS) + (subnormal ? -23f : 0f);
    float p = VectorMath.LOG_10;
    p = Math.fma(p, f, VectorMath.LOG_9);
    p = Math.fma(p, f, VectorMath.LOG_8);
    p = Math.fma(p, f, VectorMath.LOG_7);
    p = Math.fma(p, f, VectorMath.LOG_6);
    p = Math.fma(p, f, VectorMath.LOG_5);
    p = Math.fma(p, f, VectorMath.LOG_4);
    p = Math.fma(p, f, VectorMath.LOG_3);
    float square = f * f;
    float small = Math.fma(e, VectorMath.LN2_LOW, p * f * square);
    float result = Math.fma(e, VectorMath.LN2_HIGH, Math.fma(square, -0.5f, small) + f);
    result = x == 0f ? Float.NEGATIVE_INFINITY : result;
    result = x < 0f ? Float.NaN : result;
    return x < Float.POSITIVE_INFINITY ? result : x;
  }

  static float tanh(float x) {
    float size = Math.abs(x);
    float square = x * x;
    float p = VectorMath.TANH_11;
    p = Math.fma(p, square, VectorMath.TANH_9);
    p = Math.fma(p, square, VectorMath.TANH_7);
    p = Math.fma(p, square, VectorMath.TANH_5);
    p = Math.fma(p, square, VectorMath.TANH_3);
    float near = Math.fma(p, square * x, x);
    float clamped = size > 10f ? 10f : size;
    float far = 1f - 2f / (expInRange(clamped + clamped) + 1f);
    return withSign(size < 0.625f ? near : far, x);
  }

  static float erf(float x) {
    float size = Math.abs(x);
    float square = x * x;
    float p = VectorMath.ERF_13;
    p = Math.fma(p, square, VectorMath.ERF_11);
    p = Math.fma(p, square, VectorMath.ERF_9);
    p = Math.fma(p, square, VectorMath.ERF_7);
    p = Math.fma(p, square, VectorMath.ERF_5);
    p = Math.fma(p, square, VectorMath.ERF_3);
    p = Math.fma(p, square, VectorMath.ERF_1);
    float near = Math.fma(p, x, x);
    float t = size > 3.95f ? 3.95f : size;
    float q = VectorMath.ERFC_7;
    q = Math.fma(q, t, VectorMath.ERFC_6);
    q = Math.fma(q, t, VectorMath.ERFC_5);
    q = Math.fma(q, t, VectorMath.ERFC_4);
    q = Math.fma(q, t, VectorMath.ERFC_3);
    q = Math.fma(q, t, VectorMath.ERFC_2);
    q = Math.fma(q, t, VectorMath.ERFC_1);
    float far = 1f - expInRange(q * t);
    return withSign(size < 0.95f ? near : far, x);
  }

  private static float withSign(float magnitude, float sign) {
    return Float.intBitsToFloat(
        Float.floatToRawIntBits(magnitude) | Float.floatToRawIntBits(sign) & VectorMath.SIGN);
  }
}
