package dev.granula.nn.optim;

/**
 * The learning rate over a run, as transformers' {@code get_scheduler}: a linear warm-up from 0,
 * then constant, linear to 0, or half a cosine to 0.
 *
 * @param kind the course after the warm-up
 * @param peak rate at the end of the warm-up
 * @param warmupSteps steps of the warm-up
 * @param totalSteps steps of the run
 */
public record Schedule(Kind kind, double peak, long warmupSteps, long totalSteps) {
  /** The course after the warm-up. */
  public enum Kind {
    CONSTANT,
    LINEAR,
    COSINE
  }

  public Schedule {
    if (!(peak >= 0) || warmupSteps < 0 || totalSteps < 1) {
      throw new IllegalArgumentException(
          "schedule: peak %s and warm-up %d must not be negative, total steps %d at least 1"
              .formatted(peak, warmupSteps, totalSteps));
    }
  }

  /**
   * {@code warmup} below 1 is a fraction of the run (rounded up, as transformers does), else steps.
   */
  public static Schedule of(Kind kind, double peak, double warmup, long totalSteps) {
    if (!(warmup >= 0)) {
      throw new IllegalArgumentException(
          "schedule: the warm-up must be a fraction or a number of steps, it is " + warmup);
    }
    long steps = warmup < 1 ? (long) Math.ceil(warmup * totalSteps) : Math.round(warmup);
    return new Schedule(kind, peak, steps, totalSteps);
  }

  /** The rate of step {@code step}, counted from 0. */
  public double rate(long step) {
    if (step < warmupSteps) {
      return peak * step / Math.max(1, warmupSteps);
    }
    double progress = (double) (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
    return switch (kind) {
      case CONSTANT -> peak;
      case LINEAR -> peak * Math.max(0, 1 - progress);
      case COSINE -> peak * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
    };
  }
}
