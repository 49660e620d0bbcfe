package dev.granula.training;

import dev.granula.training.data.EncodedDataset;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What happens around the steps of a run: metrics, evaluation, saving, stopping. */
final class Run {
  private final FineTuning tuning;
  private final Trainable trainable;
  private final Trainer trainer;
  private final @Nullable EncodedDataset heldOut;
  private final Path output;
  private final MetricsLog log;
  private long savedAt = -1;
  private long evaluatedAt = -1;
  private @Nullable Evaluation evaluation;

  Run(
      FineTuning tuning,
      Trainable trainable,
      Trainer trainer,
      @Nullable EncodedDataset heldOut,
      Path output,
      MetricsLog log) {
    this.tuning = tuning;
    this.trainable = trainable;
    this.trainer = trainer;
    this.heldOut = heldOut;
    this.output = output;
    this.log = log;
  }

  TrainingResult toEnd() {
    TrainingListener listener = tuning.listener();
    TrainingOptions options = tuning.options();
    StepMetrics metrics;
    do {
      metrics = step();
      log.write(metrics);
      listener.onStep(metrics);
      if (isDue(options.evalEvery())) {
        evaluate();
      }
      if (isDue(options.saveEvery())) {
        save();
      }
    } while (!trainer.isFinished() && !listener.isStopRequested());
    save();
    if (trainer.isFinished()) {
      evaluate();
    }
    return new TrainingResult(metrics, evaluation, trainer.isFinished());
  }

  private StepMetrics step() {
    try {
      return trainer.step();
    } catch (DivergenceException e) {
      if (savedAt < 0 && e.weightsAreFinite()) {
        saveAfter(e);
      }
      throw e;
    }
  }

  private void saveAfter(DivergenceException e) {
    try {
      save();
    } catch (RuntimeException failure) {
      // A full disk, too, must not hide why the run ends.
      e.addSuppressed(failure);
    }
  }

  private boolean isDue(long interval) {
    return interval > 0 && trainer.stepsTaken() % interval == 0;
  }

  private void evaluate() {
    if (heldOut != null && evaluatedAt != trainer.stepsTaken()) {
      int batchSize = tuning.options().batching().batchSize();
      evaluation = Evaluation.of(tuning.model().network(), heldOut, batchSize);
      evaluatedAt = trainer.stepsTaken();
      tuning.listener().onEvaluation(evaluatedAt, evaluation);
    }
  }

  private void save() {
    if (savedAt != trainer.stepsTaken()) {
      trainable.save(output);
      savedAt = trainer.stepsTaken();
      tuning.listener().onSave(savedAt, output);
    }
  }
}
