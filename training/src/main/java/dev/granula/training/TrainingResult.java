package dev.granula.training;

import org.jspecify.annotations.Nullable;

/**
 * How a run ended.
 *
 * @param last metrics of the last step
 * @param evaluation of the evaluation data after that step, or null if there is none
 * @param completed false if the listener ended the run before its last step
 */
public record TrainingResult(
    StepMetrics last, @Nullable Evaluation evaluation, boolean completed) {}
