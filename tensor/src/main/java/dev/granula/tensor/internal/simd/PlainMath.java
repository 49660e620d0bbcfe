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
    float p = 0x1.6a4f88p-10f;
    p = Math.fma(p, r, 0x1.123988p-7f);
    p = Math.fma(p, r, 0x1.5558aep-5f);
    p = Math.fma(p, r, 0x1.555492p-3f);
    p = Math.fma(p, r, 0x1.fffffcp-2f);
    return Math.fma(p, r * r, r) + 1f;
  }

  static float log(float x) {
    boolean subnormal = x < Float.MIN_NORMAL;
    int bits = Float.floatToRawIntBits(x * (subnormal ? 0x1p23f : 1f));
    int above = bits - VectorMath.SQRT_HALF_BITS;
    float f = Float.intBitsToFloat((above & VectorMath.MANTISSA) + VectorMath.SQRT_HALF_BITS) - 1f;
    float e = (above >> VectorMath.MANTISSA_BITS) + (subnormal ? -23f : 0f);
    float p = -0x1.38c9dep-4f;
    p = Math.fma(p, f, 0x1.055ec6p-3f);
    p = Math.fma(p, f, -0x1.0d8242p-3f);
    p = Math.fma(p, f, 0x1.22d92ep-3f);
    p = Math.fma(p, f, -0x1.54728ap-3f);
    p = Math.fma(p, f, 0x1.99a01cp-3f);
    p = Math.fma(p, f, -0x1.000226p-2f);
    p = Math.fma(p, f, 0x1.555554p-2f);
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
    float p = -0x1.732bdp-8f;
    p = Math.fma(p, square, 0x1.51904p-6f);
    p = Math.fma(p, square, -0x1.b82628p-5f);
    p = Math.fma(p, square, 0x1.110684p-3f);
    p = Math.fma(p, square, -0x1.55553p-2f);
    float near = Math.fma(p, square * x, x);
    float clamped = size > 10f ? 10f : size;
    float far = 1f - 2f / (expInRange(clamped + clamped) + 1f);
    return withSign(size < 0.625f ? near : far, x);
  }

  static float erf(float x) {
    float size = Math.abs(x);
    float square = x * x;
    float p = 0x1.4771fcp-14f;
    p = Math.fma(p, square, -0x1.a3515ep-11f);
    p = Math.fma(p, square, 0x1.53f224p-8f);
    p = Math.fma(p, square, -0x1.b7f71ap-6f);
    p = Math.fma(p, square, 0x1.ce2ce6p-4f);
    p = Math.fma(p, square, -0x1.81273ep-2f);
    p = Math.fma(p, square, 0x1.06eba8p-3f);
    float near = Math.fma(p, x, x);
    float t = size > 3.95f ? 3.95f : size;
    float q = -0x1.9e08c6p-17f;
    q = Math.fma(q, t, 0x1.5e2dcep-12f);
    q = Math.fma(q, t, -0x1.e367c6p-9f);
    q = Math.fma(q, t, 0x1.86e8dcp-6f);
    q = Math.fma(q, t, -0x1.b39c98p-4f);
    q = Math.fma(q, t, -0x1.45297ap-1f);
    q = Math.fma(q, t, -0x1.20f03cp+0f);
    float far = 1f - expInRange(q * t);
    return withSign(size < 0.95f ? near : far, x);
  }

  private static float withSign(float magnitude, float sign) {
    return Float.intBitsToFloat(
        Float.floatToRawIntBits(magnitude) | Float.floatToRawIntBits(sign) & VectorMath.SIGN);
  }
}
