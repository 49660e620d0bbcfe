package dev.granula.training;

/**
 * How to train, whatever is trained. Start from {@link #DEFAULT} and change it with the {@code
 * with} methods.
 *
 * @param length steps or epochs
 * @param batching how samples come together
 * @param optimization how weights follow their gradients
 * @param checkpointing whether layers are computed again in the backward pass, to save memory
 * @param seed of the data order, the adapter's initial values and dropout, see {@link Seeds}
 * @param evalEvery steps between evaluations; 0 evaluates at the end alone
 * @param saveEvery steps between saves; 0 saves at the end alone
 */
public record TrainingOptions(
    RunLength length,
    Batching batching,
    Optimization optimization,
    boolean checkpointing,
    long seed,
    long evalEvery,
    long saveEvery) {
  public static final TrainingOptions DEFAULT =
      new TrainingOptions(
          new RunLength.Epochs(1), Batching.DEFAULT, Optimization.DEFAULT, false, 42, 0, 0);

  public TrainingOptions {
    OptionChecks checks = new OptionChecks();
    checks.require(evalEvery >= 0, "steps between evaluations must be at least 0", evalEvery);
    checks.require(saveEvery >= 0, "steps between saves must be at least 0", saveEvery);
    checks.throwIfAny();
  }

  public TrainingOptions withLength(RunLength value) {
    return new TrainingOptions(
        value, batching, optimization, checkpointing, seed, evalEvery, saveEvery);
  }

  public TrainingOptions withSteps(long steps) {
    return withLength(new RunLength.Steps(steps));
  }

  public TrainingOptions withEpochs(long epochs) {
    return withLength(new RunLength.Epochs(epochs));
  }

  public TrainingOptions withBatching(Batching value) {
    return new TrainingOptions(
        length, value, optimization, checkpointing, seed, evalEvery, saveEvery);
  }

  public TrainingOptions withBatchSize(int samples) {
    return withBatching(batching.withBatchSize(samples));
  }

  public TrainingOptions withOptimization(Optimization value) {
    return new TrainingOptions(length, batching, value, checkpointing, seed, evalEvery, saveEvery);
  }

  public TrainingOptions withLearningRate(double rate) {
    return withOptimization(optimization.withLearningRate(rate));
  }

  public TrainingOptions withCheckpointing(boolean value) {
    return new TrainingOptions(length, batching, optimization, value, seed, evalEvery, saveEvery);
  }

  public TrainingOptions withSeed(long value) {
    return new TrainingOptions(
        length, batching, optimization, checkpointing, value, evalEvery, saveEvery);
  }

  public TrainingOptions withEvalEvery(long steps) {
    return new TrainingOptions(
        length, batching, optimization, checkpointing, seed, steps, saveEvery);
  }

  public TrainingOptions withSaveEvery(long steps) {
    return new TrainingOptions(
        length, batching, optimization, checkpointing, seed, evalEvery, steps);
  }
}
