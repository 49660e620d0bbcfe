package dev.granula.training;

/**
 * What one optimizer step reports; the components are the fields of {@code metrics.jsonl}.
 *
 * @param step from 1
 * @param loss mean over the targets of the step
 * @param learningRate of the step
 * @param gradNorm of all gradients together, before clipping
 * @param tokens of the samples of the step
 * @param seconds from reading the data to the optimizer
 * @param tokensPerSecond {@code tokens / seconds}
 * @param residentBytes memory of the process
 */
public record StepMetrics(
    long step,
    double loss,
    double learningRate,
    double gradNorm,
    long tokens,
    double seconds,
    double tokensPerSecond,
    long residentBytes) {}
