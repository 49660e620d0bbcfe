package dev.granula.training;

import java.nio.file.Path;

/** Hears what a run does, on the thread that trains. */
public interface TrainingListener {
  /** Ignores everything. */
  TrainingListener NONE = new TrainingListener() {};

  /** Before the first step. */
  default void onStart(TrainingPlan plan) {}

  /** After each step. */
  default void onStep(StepMetrics metrics) {}

  /** After an evaluation, with the number of steps taken so far. */
  default void onEvaluation(long step, Evaluation evaluation) {}

  /** After weights were saved, with the number of steps taken so far. */
  default void onSave(long step, Path directory) {}

  /** Something that the user should know and that is no failure. */
  default void onNote(String note) {}

  /** Asked after each step; {@code true} saves and ends the run. */
  default boolean isStopRequested() {
    return false;
  }
}
