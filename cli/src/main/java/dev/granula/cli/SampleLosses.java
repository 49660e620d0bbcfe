package dev.granula.cli;

import dev.granula.training.data.SampleCounts;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Says what of a data set is not used as it stands. */
final class SampleLosses {
  private SampleLosses() {}

  /** One line, or nothing if every sample is used whole. */
  static Optional<String> of(SampleCounts counts) {
    List<String> losses = new ArrayList<>();
    if (counts.cut() > 0) {
      losses.add(String.format(Locale.ROOT, "%,d cut to --max-length", counts.cut()));
    }
    if (counts.skipped() > 0) {
      losses.add(String.format(Locale.ROOT, "%,d skipped, without a target", counts.skipped()));
    }
    return losses.isEmpty()
        ? Optional.empty()
        : Optional.of(
            String.format(
                Locale.ROOT,
                "%s: of %,d samples %s",
                counts.data(),
                counts.total(),
                String.join(", ", losses)));
  }
}
