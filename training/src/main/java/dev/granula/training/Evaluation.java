package dev.granula.training;

import dev.granula.autograd.Autograd;
import dev.granula.models.CausalLm;
import dev.granula.tensor.Scope;
import dev.granula.training.data.EncodedDataset;
import dev.granula.training.data.Sample;
import java.util.List;

/**
 * How well a model predicts the targets of a data set.
 *
 * @param loss mean cross-entropy over all targets, in nats
 * @param perplexity {@code exp(loss)}
 * @param tokens number of targets
 */
public record Evaluation(double loss, double perplexity, long tokens) {
  /** A batch size that keeps both cores busy and little memory. */
  public static final int BATCH_SIZE = 8;

  /** Scores {@code data} in batches of {@code batchSize}, without dropout and without a graph. */
  public static Evaluation of(CausalLm model, EncodedDataset data, int batchSize) {
    boolean training = model.isTraining();
    model.setTraining(false);
    try {
      return Autograd.noGrad(() -> score(model, data, batchSize));
    } finally {
      model.setTraining(training);
    }
  }

  private static Evaluation score(CausalLm model, EncodedDataset data, int batchSize) {
    List<Sample> samples = data.samples();
    double sum = 0;
    for (int from = 0; from < samples.size(); from += batchSize) {
      List<Sample> batch = samples.subList(from, Math.min(samples.size(), from + batchSize));
      try (Scope _ = model.device().memory().step()) {
        sum += model.loss(Batches.of(model.device(), batch), 1).item();
      }
    }
    double loss = sum / data.targetCount();
    return new Evaluation(loss, Math.exp(loss), data.targetCount());
  }
}
