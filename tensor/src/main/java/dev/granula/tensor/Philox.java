package dev.granula.tensor;

/**
 * Counter-based random numbers: Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy
 * as 1, 2, 3" (SC 2011). The number at a position depends on the seed and the position alone, so
 * that a dropout mask is computed again instead of stored and any number of threads draws the same
 * values.
 */
public final class Philox {
  // The cipher's constants, for those who compute several blocks at once.
  public static final int MULTIPLIER_0 = 0xD2511F53;
  public static final int MULTIPLIER_1 = 0xCD9E8D57;
  public static final int WEYL_0 = 0x9E3779B9;
  public static final int WEYL_1 = 0xBB67AE85;
  public static final int ROUNDS = 10;

  /** A step of {@link #unit}. */
  public static final float UNIT = 0x1p-24f;

  private Philox() {}

  /**
   * The four 32-bit words of block {@code counter} under {@code seed}, into {@code words[0..3]}.
   */
  public static void block(long seed, long counter, int[] words) {
    int c0 = (int) counter;
    int c1 = (int) (counter >>> 32);
    int c2 = 0;
    int c3 = 0;
    int k0 = (int) seed;
    int k1 = (int) (seed >>> 32);
    for (int round = 0; round < ROUNDS; round++) {
      long p0 = (MULTIPLIER_0 & 0xffffffffL) * (c0 & 0xffffffffL);
      long p1 = (MULTIPLIER_1 & 0xffffffffL) * (c2 & 0xffffffffL);
      c0 = (int) (p1 >>> 32) ^ c1 ^ k0;
      c1 = (int) p1;
      c2 = (int) (p0 >>> 32) ^ c3 ^ k1;
      c3 = (int) p0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
  }

  /** A word as an F32 in [0, 1): its upper 24 bits, exact in F32. */
  public static float unit(int word) {
    return (word >>> 8) * UNIT;
  }
}
