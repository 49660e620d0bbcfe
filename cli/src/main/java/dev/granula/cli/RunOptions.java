package dev.granula.cli;

import dev.granula.nn.optim.Schedule;
import dev.granula.tensor.GranulaException;
import dev.granula.training.Batching;
import dev.granula.training.Optimization;
import dev.granula.training.RunLength;
import dev.granula.training.TrainingOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How to train, whatever is trained. */
final class RunOptions {
  private enum OptimizerName {
    ADAMW;

    @Override
    public String toString() {
      return Lower.name(this);
    }
  }

  private enum ScheduleName {
    COSINE,
    LINEAR,
    CONSTANT;

    @Override
    public String toString() {
      return Lower.name(this);
    }
  }

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(names = "--steps", description = "Number of optimizer steps.")
  private @Nullable Long steps;

  @Option(
      names = "--epochs",
      description = "Number of passes over the data (default: 1 if --steps is not given).")
  private @Nullable Long epochs;

  @Option(
      names = "--batch-size",
      defaultValue = "4",
      description = "Samples of one pass (default: ${DEFAULT-VALUE}).")
  private int batchSize;

  @Option(
      names = "--accumulate",
      defaultValue = "1",
      description = "Passes of one optimizer step (default: ${DEFAULT-VALUE}).")
  private int accumulate;

  @Option(
      names = "--max-length",
      defaultValue = "512",
      description = "Longer samples are cut to this many tokens (default: ${DEFAULT-VALUE}).")
  private int maxLength;

  @Option(names = "--append-eos", description = "End `text` samples with the end token.")
  private boolean appendEos;

  @Option(
      names = "--learning-rate",
      defaultValue = "2e-4",
      description = "Learning rate at the end of the warm-up (default: ${DEFAULT-VALUE}).")
  private double learningRate;

  @Option(
      names = "--optimizer",
      defaultValue = "adamw",
      description = "One of ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  @SuppressWarnings("UnusedVariable") // There is only one as yet; others are refused.
  private OptimizerName optimizer = OptimizerName.ADAMW;

  @Option(
      names = "--schedule",
      defaultValue = "cosine",
      description = "One of ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private ScheduleName schedule = ScheduleName.COSINE;

  @Option(
      names = "--warmup",
      defaultValue = "0.1",
      description =
          "Below 1 a fraction of the run, else a number of steps (default: ${DEFAULT-VALUE}).")
  private double warmup;

  @Option(
      names = "--weight-decay",
      defaultValue = "0",
      description = "Weight decay of AdamW (default: ${DEFAULT-VALUE}).")
  private double weightDecay;

  @Option(
      names = "--clip",
      defaultValue = "1.0",
      description = "Largest norm of all gradients; 0 does not clip (default: ${DEFAULT-VALUE}).")
  private double clip;

  @Option(
      names = "--checkpointing",
      description = "Compute layers again in the backward pass, to save memory.")
  private boolean checkpointing;

  @Option(
      names = "--seed",
      defaultValue = "42",
      description = "Of data order, adapter and dropout (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--eval-every",
      defaultValue = "0",
      paramLabel = "STEPS",
      description = "Steps between evaluations; 0: at the end alone (default: ${DEFAULT-VALUE}).")
  private long evalEvery;

  @Option(
      names = "--save-every",
      defaultValue = "0",
      paramLabel = "STEPS",
      description = "Steps between saves; 0: at the end alone (default: ${DEFAULT-VALUE}).")
  private long saveEvery;

  /**
   * The options that were asked for.
   *
   * @throws ParameterException if a value is out of range
   */
  TrainingOptions options() {
    try {
      return new TrainingOptions(
          length(),
          new Batching(batchSize, accumulate, maxLength, appendEos),
          new Optimization(
              learningRate, Schedule.Kind.valueOf(schedule.name()), warmup, weightDecay, clip),
          checkpointing,
          seed,
          evalEvery,
          saveEvery);
    } catch (GranulaException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private RunLength length() {
    if (steps != null && epochs != null) {
      throw new ParameterException(
          spec.commandLine(), "--steps and --epochs exclude each other; give one of them");
    }
    if (steps != null) {
      return new RunLength.Steps(steps);
    }
    return new RunLength.Epochs(epochs == null ? 1 : epochs);
  }
}
