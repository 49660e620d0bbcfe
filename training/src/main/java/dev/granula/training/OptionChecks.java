package dev.granula.training;

import java.util.ArrayList;
import java.util.List;

/** Collects the values that are out of range, so that all are reported together. */
final class OptionChecks {
  private final List<String> problems = new ArrayList<>();

  void require(boolean holds, String rule, Number found) {
    if (!holds) {
      problems.add(rule + ": " + found);
    }
  }

  void requireNotNegative(String what, double value) {
    require(value >= 0 && Double.isFinite(value), what + " must be at least 0 and finite", value);
  }

  void throwIfAny() {
    if (!problems.isEmpty()) {
      throw new TrainingException("training options: " + String.join("; ", problems));
    }
  }
}
