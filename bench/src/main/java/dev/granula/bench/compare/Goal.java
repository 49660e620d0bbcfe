package dev.granula.bench.compare;

/** A figure of a row and what it must reach. */
record Goal(String label, Metric metric, Bound bound, double limit) {
  enum Bound {
    AT_LEAST,
    AT_MOST,
    /** A figure to be read beside the others; nothing is asked. */
    NONE
  }

  static Goal atLeast(double limit, String label, Metric metric) {
    return new Goal(label, metric, Bound.AT_LEAST, limit);
  }

  static Goal atMost(double limit, String label, Metric metric) {
    return new Goal(label, metric, Bound.AT_MOST, limit);
  }

  static Goal none(String label, Metric metric) {
    return new Goal(label, metric, Bound.NONE, Double.NaN);
  }

  /** Whether {@code value}, as measured and not as printed, is good enough. */
  boolean isReachedBy(double value) {
    return switch (bound) {
      case AT_LEAST -> value >= limit;
      case AT_MOST -> value <= limit;
      case NONE -> true;
    };
  }
}
