package dev.granula.tensor.internal.simd;

import java.lang.foreign.MemorySegment;

/** One expression for one pattern of operands: {@link PlainLoop}, or generated code. */
abstract class Loop {
  /**
   * Computes {@code n} neighbouring elements. An operand is read at neighbouring elements too, or
   * at one element for all if the loop was made so.
   *
   * @param in memories of the operands; one that the expression does not read is not touched
   * @param inOffset bytes from the start of each memory
   * @param out receives {@code n} elements, or {@link Store#PARTIALS} partial results
   * @param outOffset bytes from the start of {@code out}
   */
  abstract void run(
      MemorySegment[] in,
      long[] inOffset,
      double[] scalars,
      MemorySegment out,
      long outOffset,
      int n);
}
