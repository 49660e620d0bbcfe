package dev.granula.tensor.internal.simd;

import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import dev.granula.tensor.Philox;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Philox} for as many neighbouring blocks as a vector has 64-bit lanes. Each word of the
 * state is the lower half of a lane, so that a product of two words needs one multiplication.
 */
final class PhiloxVectors {
  private static final VectorSpecies<Long> I64 = Simd.F32.withLanes(long.class);
  private static final int BLOCKS = I64.length();
  private static final int WORDS = 4;

  /** Numbers of one vector of blocks. */
  private static final int STEP = BLOCKS * WORDS;

  /** With two blocks a vector C2 has no instruction for the zip, and the plain form is faster. */
  private static final int LEAST_BLOCKS = 4;

  private static final long LOWER = 0xffffffffL;
  private static final LongVector LANES = LongVector.zero(I64).addIndex(1);

  /** Lane i is lane i / 2 of the first operand for an even i, else of the second. */
  private static final VectorShuffle<Long> ZIP_LOWER = zip(0);

  /** The same with the upper halves of the operands. */
  private static final VectorShuffle<Long> ZIP_UPPER = zip(BLOCKS / 2);

  private PhiloxVectors() {}

  /** An index that is negative means the second operand. */
  private static VectorShuffle<Long> zip(int first) {
    return VectorShuffle.fromOp(I64, i -> first + i / 2 - i % 2 * BLOCKS);
  }

  /**
   * Writes {@link Philox#unit} of the words of block {@code counter} and following to byte {@code
   * at} and following, as long as whole vectors fit into {@code n} numbers, and returns how many it
   * wrote.
   */
  static int fill(long seed, long counter, MemorySegment out, long at, int n) {
    int i = 0;
    if (BLOCKS >= LEAST_BLOCKS) {
      for (; i <= n - STEP; i += STEP) {
        blocks(seed, counter + i / WORDS, out, at + (long) i * Float.BYTES);
      }
    }
    return i;
  }

  private static void blocks(long seed, long counter, MemorySegment out, long at) {
    LongVector counters = LANES.add(counter);
    LongVector c0 = counters.and(LOWER);
    LongVector c1 = counters.lanewise(LSHR, 32);
    LongVector c2 = LongVector.zero(I64);
    LongVector c3 = c2;
    int k0 = (int) seed;
    int k1 = (int) (seed >>> 32);
    for (int round = 0; round < Philox.ROUNDS; round++) {
      LongVector p0 = c0.mul(Philox.MULTIPLIER_0 & LOWER);
      LongVector p1 = c2.mul(Philox.MULTIPLIER_1 & LOWER);
      c0 = p1.lanewise(LSHR, 32).lanewise(XOR, c1).lanewise(XOR, k0 & LOWER);
      c1 = p1.and(LOWER);
      c2 = p0.lanewise(LSHR, 32).lanewise(XOR, c3).lanewise(XOR, k1 & LOWER);
      c3 = p0.and(LOWER);
      k0 += Philox.WEYL_0;
      k1 += Philox.WEYL_1;
    }
    store(units(c0, c1), units(c2, c3), out, at);
  }

  /** The pairs of each block behind one another. */
  private static void store(LongVector front, LongVector back, MemorySegment out, long at) {
    front.rearrange(ZIP_LOWER, back).reinterpretAsFloats().intoMemorySegment(out, at, Simd.ORDER);
    front
        .rearrange(ZIP_UPPER, back)
        .reinterpretAsFloats()
        .intoMemorySegment(out, at + (long) BLOCKS * Long.BYTES, Simd.ORDER);
  }

  /** Pairs of neighbouring F32 numbers. */
  private static LongVector units(LongVector even, LongVector odd) {
    LongVector words = even.or(odd.lanewise(LSHL, 32));
    FloatVector numbers = (FloatVector) words.reinterpretAsInts().lanewise(LSHR, 8).convert(I2F, 0);
    return numbers.mul(Philox.UNIT).reinterpretAsInts().reinterpretAsLongs();
  }
}
