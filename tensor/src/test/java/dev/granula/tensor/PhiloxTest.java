package dev.granula.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

final class PhiloxTest {
  private static void assertBlock(long seed, long counter, int a, int b, int c, int d) {
    int[] words = new int[4];
    Philox.block(seed, counter, words);
    assertArrayEquals(new int[] {a, b, c, d}, words);
  }

  /** Random123's known-answer test of philox4x32-10. */
  @Test
  void knownAnswer() {
    assertBlock(0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
  }

  /**
   * Both halves of counter and seed count. The words are from an independent program that gives all
   * three known answers of Random123.
   */
  @Test
  void usesAllBitsOfCounterAndSeed() {
    assertBlock(-1L, -1L, 0x4d18d7d2, 0x430ac65a, 0xbd2fa22a, 0x0afae10d);
    assertBlock(
        0x299f31d0a4093822L, 0x85a308d3243f6a88L, 0xe69c9c31, 0xb5a3d762, 0xe733bfc1, 0x341a787c);
  }

  @Test
  void unitIsBelowOneAndExactInF32() {
    assertEquals(0, Philox.unit(0xff));
    assertEquals(0x1p-24f, Philox.unit(0x100));
    assertEquals(1 - 0x1p-24f, Philox.unit(-1));
  }

  /** The mean of n uniform numbers has standard deviation 1 / sqrt(12 n). */
  @Test
  void meanAndVarianceAreThoseOfTheUniformDistribution() {
    int blocks = 50_000;
    double sum = 0;
    double squares = 0;
    int[] words = new int[4];
    for (int block = 0; block < blocks; block++) {
      Philox.block(42, block, words);
      for (int word : words) {
        sum += Philox.unit(word) - 0.5;
        squares += Math.pow(Philox.unit(word) - 0.5, 2);
      }
    }
    double n = 4.0 * blocks;
    assertTrue(Math.abs(sum / n) < 4 / Math.sqrt(12 * n), "mean " + sum / n);
    assertEquals(1 / 12.0, squares / n, 1e-3);
  }
}
