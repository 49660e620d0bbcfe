package dev.granula.tensor.reference;

/** The error function {@code erf(x) = 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x} in F64. */
final class Erf {
  /** Below this the series converges in some 60 terms, above it the fraction in fewer. */
  private static final double CROSSOVER = 3;

  /** From here on erf is 1 to the last bit of F64. */
  private static final double SATURATION = 6;

  private static final int FRACTION_TERMS = 60;

  private Erf() {}

  static double erf(double x) {
    double magnitude = Math.abs(x);
    if (Double.isNaN(x)) {
      return x;
    }
    if (magnitude >= SATURATION) {
      return Math.copySign(1, x);
    }
    return Math.copySign(magnitude < CROSSOVER ? series(magnitude) : 1 - complement(magnitude), x);
  }

  /**
   * Abramowitz and Stegun 7.1.6: {@code 2 / sqrt(pi) * exp(-x^2) * sum of 2^n x^(2n+1) / (2n+1)!!}.
   * All terms are positive, so nothing cancels.
   */
  private static double series(double x) {
    double term = x;
    double sum = x;
    for (int n = 1; term > sum * 0x1p-54; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }

  /**
   * Abramowitz and Stegun 7.1.14: {@code erfc(x) = exp(-x^2) / sqrt(pi) / (x + (1/2) / (x + (2/2) /
   * (x + (3/2) / (x + ...))))}, from the innermost term outwards.
   */
  private static double complement(double x) {
    double fraction = x;
    for (int n = FRACTION_TERMS; n > 0; n--) {
      fraction = x + n / 2.0 / fraction;
    }
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
  }
}
