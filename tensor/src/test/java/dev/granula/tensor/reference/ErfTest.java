package dev.granula.tensor.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

final class ErfTest {
  /** Pairs of x and erf(x) from the C library. */
  private static final double[][] KNOWN = {
    {1e-300, 1.1283791670955126e-300},
    {1e-10, 1.1283791670955126e-10},
    {0.01, 0.011283415555849616},
    {0.25, 0.2763263901682369},
    {0.5, 0.5204998778130465},
    {1.0, 0.8427007929497149},
    {1.5, 0.9661051464753108},
    {1.999999, 0.9953222443519261},
    {2.000001, 0.9953222856858968},
    {2.0, 0.9953222650189527},
    {2.5, 0.999593047982555},
    {2.999999, 0.999977909363748},
    {3.0, 0.9999779095030014},
    {3.000001, 0.9999779096422541},
    {3.5, 0.9999992569016276},
    {4.0, 0.9999999845827421},
    {5.0, 0.9999999999984626},
    {5.9, 0.9999999999999999},
    {6.0, 1.0},
    {10.0, 1.0},
  };

  @Test
  void isAccurateToTheLastBits() {
    for (double[] pair : KNOWN) {
      assertEquals(pair[1], Erf.erf(pair[0]), 4 * Math.ulp(pair[1]), "erf(" + pair[0] + ")");
      assertEquals(-pair[1], Erf.erf(-pair[0]), 4 * Math.ulp(pair[1]));
    }
  }

  @Test
  void keepsZerosInfinitiesAndNaN() {
    assertEquals(0.0, Erf.erf(0.0));
    assertEquals(-0.0, Erf.erf(-0.0));
    assertEquals(1, Erf.erf(Double.POSITIVE_INFINITY));
    assertEquals(-1, Erf.erf(Double.NEGATIVE_INFINITY));
    assertTrue(Double.isNaN(Erf.erf(Double.NaN)));
  }
}
