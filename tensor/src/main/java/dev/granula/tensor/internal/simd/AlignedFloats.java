package dev.granula.tensor.internal.simd;

/**
 * Heap arrays whose vectors do not straddle cache lines. The elements of an array begin 16 bytes
 * behind its start, so that every 64-byte vector from index 0 on lies in two lines, which costs a
 * matrix product a quarter of its speed. With {@code -XX:ObjectAlignmentInBytes=64}, which the
 * launcher sets, and for large arrays of collectors with regions (G1, ZGC, Shenandoah), the
 * elements from {@link #FIRST} on are aligned. No result depends on it.
 */
final class AlignedFloats {
  /** The first aligned index: 16 + 4 * 12 = 64 bytes. */
  static final int FIRST = 12;

  /** Larger than half a region of G1 on heaps up to 16 GiB. */
  private static final int LEAST_FLOATS = 1 << 20;

  private AlignedFloats() {}

  /** An array with room for {@code count} elements from {@link #FIRST} on. */
  static float[] allocate(int count) {
    return new float[Math.max(count + FIRST, LEAST_FLOATS)];
  }
}
