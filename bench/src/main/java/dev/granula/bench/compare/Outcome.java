package dev.granula.bench.compare;

import java.util.Arrays;

/**
 * A figure as it was measured.
 *
 * @param what which of several values it is, or empty
 * @param ours NaN where there is none, like {@code peer}
 * @param value what is held against the goal
 * @param low the smallest value of a round, NaN where rounds do not have one
 * @param high the largest
 */
record Outcome(String what, double ours, double peer, double value, double low, double high) {
  static Outcome of(String what, double ours, double peer, double value, double[] perRound) {
    return new Outcome(
        what,
        ours,
        peer,
        value,
        Arrays.stream(perRound).min().orElse(Double.NaN),
        Arrays.stream(perRound).max().orElse(Double.NaN));
  }
}
