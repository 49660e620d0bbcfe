package dev.granula.training;

import dev.granula.nn.optim.AdamW;
import dev.granula.nn.optim.Schedule;

/**
 * How weights follow their gradients, with AdamW.
 *
 * @param learningRate at the end of the warm-up
 * @param schedule course of the learning rate after the warm-up
 * @param warmup below 1 a fraction of the run, else a number of steps
 * @param weightDecay of AdamW
 * @param clip largest norm of all gradients together; 0 does not clip
 */
public record Optimization(
    double learningRate, Schedule.Kind schedule, double warmup, double weightDecay, double clip) {
  public static final Optimization DEFAULT =
      new Optimization(2e-4, Schedule.Kind.COSINE, 0.1, 0, 1);

  public Optimization {
    OptionChecks checks = new OptionChecks();
    checks.requireNotNegative("learning rate", learningRate);
    checks.requireNotNegative("warm-up", warmup);
    checks.requireNotNegative("weight decay", weightDecay);
    checks.requireNotNegative("clip", clip);
    checks.throwIfAny();
  }

  public Optimization withLearningRate(double value) {
    return new Optimization(value, schedule, warmup, weightDecay, clip);
  }

  public Optimization withSchedule(Schedule.Kind value) {
    return new Optimization(learningRate, value, warmup, weightDecay, clip);
  }

  public Optimization withWarmup(double value) {
    return new Optimization(learningRate, schedule, value, weightDecay, clip);
  }

  public Optimization withWeightDecay(double value) {
    return new Optimization(learningRate, schedule, warmup, value, clip);
  }

  public Optimization withClip(double value) {
    return new Optimization(learningRate, schedule, warmup, weightDecay, value);
  }

  Schedule schedule(long steps) {
    return Schedule.of(schedule, learningRate, warmup, steps);
  }

  AdamW.Settings adamW() {
    return AdamW.Settings.DEFAULT.withWeightDecay(weightDecay);
  }
}
