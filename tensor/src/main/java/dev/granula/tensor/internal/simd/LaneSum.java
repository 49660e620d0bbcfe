package dev.granula.tensor.internal.simd;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/**
 * The sum of all lanes, half onto half. {@link FloatVector#reduceLanes} adds in an order that it
 * does not promise, and that differs between interpreted and compiled code.
 */
final class LaneSum {
  private static final VectorShuffle<Float> SWAP_8 = swap(8);
  private static final VectorShuffle<Float> SWAP_4 = swap(4);
  private static final VectorShuffle<Float> SWAP_2 = swap(2);
  private static final VectorShuffle<Float> SWAP_1 = swap(1);

  private LaneSum() {}

  static float of(FloatVector x) {
    FloatVector sum = x;
    if (Simd.LANES > 8) {
      sum = sum.add(sum.rearrange(SWAP_8));
    }
    if (Simd.LANES > 4) {
      sum = sum.add(sum.rearrange(SWAP_4));
    }
    sum = sum.add(sum.rearrange(SWAP_2));
    sum = sum.add(sum.rearrange(SWAP_1));
    return sum.lane(0);
  }

  private static VectorShuffle<Float> swap(int distance) {
    return VectorShuffle.fromOp(Simd.F32, lane -> (lane ^ distance) % Simd.LANES);
  }
}
