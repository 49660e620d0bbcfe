package dev.granula.training;

/**
 * How samples come together.
 *
 * @param batchSize samples of one forward and backward pass
 * @param accumulate passes of one optimizer step; every target of the step weighs the same
 * @param maxLength longer samples are cut to this many tokens
 * @param appendEos whether a text ends with the end-of-sequence token
 */
public record Batching(int batchSize, int accumulate, int maxLength, boolean appendEos) {
  public static final Batching DEFAULT = new Batching(4, 1, 512, false);

  public Batching {
    OptionChecks checks = new OptionChecks();
    checks.require(batchSize >= 1, "batch size must be at least 1", batchSize);
    checks.require(accumulate >= 1, "accumulate must be at least 1", accumulate);
    checks.require(maxLength >= 2, "maximum length must be at least 2", maxLength);
    checks.throwIfAny();
  }

  public Batching withBatchSize(int value) {
    return new Batching(value, accumulate, maxLength, appendEos);
  }

  public Batching withAccumulate(int value) {
    return new Batching(batchSize, value, maxLength, appendEos);
  }

  public Batching withMaxLength(int value) {
    return new Batching(batchSize, accumulate, value, appendEos);
  }

  public Batching withAppendEos(boolean value) {
    return new Batching(batchSize, accumulate, maxLength, value);
  }

  /** Samples of one optimizer step. */
  public int samplesPerStep() {
    return Math.multiplyExact(batchSize, accumulate);
  }
}
