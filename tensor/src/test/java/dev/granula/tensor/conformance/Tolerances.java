package dev.granula.tensor.conformance;

/**
 * What two back ends may differ by, as {@code max|a - b| / max|b|} per tensor in F32; b is the
 * reference, which computes in F64 and rounds once. One unit in the last place of F32 is 1.2e-7.
 */
public final class Tolerances {
  /** Copies, fills, indexing, random numbers: the same bits. */
  public static final double EXACT = 0;

  /** A few roundings and our own exp, log, tanh and erf. */
  public static final double POINTWISE = 1e-6;

  /** One row is reduced in F32: softmax, norms, sums, loss of given logits. */
  public static final double REDUCTION = 2e-6;

  /** Chains of fused multiply-adds of up to a few hundred terms. */
  public static final double PRODUCT = 2e-6;

  /** Two products with a softmax between them. */
  public static final double ATTENTION = 5e-6;

  /** A product followed by a softmax and a second product. */
  public static final double HEAD = 5e-6;

  /** Operands far from zero, whose differences lose digits before the kernel begins. */
  public static final double CANCELLATION = 1e-4;

  private Tolerances() {}
}
