package dev.granula.tensor.internal.simd;

import dev.granula.tensor.Write;

/** What a loop does with the value of its expression at each element. */
enum Store {
  /** Writes it. */
  SET,
  /** Adds it to what the output holds. */
  ADD,
  /** Adds it to one of {@link #PARTIALS} partial sums, which are the output. */
  SUM,
  /** The same with the larger of two numbers, NaN if there is one. */
  MAX;

  /**
   * Element i goes to partial result i % 32, whatever the width of a vector, so that a reduction
   * has the same bits on every machine.
   */
  static final int PARTIALS = 32;

  static Store of(Write write) {
    return write == Write.SET ? SET : ADD;
  }

  boolean reduces() {
    return this == SUM || this == MAX;
  }

  /** What a partial result starts from. */
  float identity() {
    return this == MAX ? Float.NEGATIVE_INFINITY : 0;
  }
}
