package dev.granula.bench.compare;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One comparison of the table.
 *
 * @param unit of the values, for the reader
 * @param peer null where one process measures both in turn, or nothing is compared
 * @param start how a round is measured
 * @param warmUpSeconds of each side before its first round
 * @param repeats how often each part is measured per round that was asked for, where that is quick
 */
record Row(
    String name,
    String title,
    String unit,
    Side ours,
    @Nullable Side peer,
    Start start,
    int warmUpSeconds,
    int repeats,
    List<Goal> goals) {
  enum Start {
    /** Processes that stay up for all rounds, after a warm-up. */
    WARM,
    /** A new process per round; measured from its start until it is ready. */
    COLD
  }
}
