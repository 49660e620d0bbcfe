package dev.granula.bench.work;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import java.util.List;
import java.util.Map;

/**
 * Microseconds per token, and per step, of the small model's training step while one size grows:
 * the batch (at length 64), the rank, the layers.
 */
final class GrowthWork implements Work {
  private static final int LENGTH = 64;
  private static final int BATCH = 16;
  private static final int RANK = 32;
  private static final int LAYERS = 8;
  private static final int BLOCKS = 2;
  private static final int TOKENS_PER_PART = 2048;

  private final Device device;
  private final Parts<TrainingStep> steps = new Parts<>();

  GrowthWork(Options options) {
    device = options.device();
    for (int batch = 1; batch <= 64; batch *= 2) {
      steps.add("batch " + batch, step(LAYERS, RANK, batch));
    }
    for (int rank = 8; rank <= 128; rank *= 2) {
      steps.add("rank " + rank, step(LAYERS, rank, BATCH));
    }
    for (int layers = 2; layers <= 16; layers *= 2) {
      steps.add("layers " + layers, step(layers, RANK, BATCH));
    }
  }

  private TrainingStep step(int layers, int rank, int batch) {
    return TrainingStep.adapter(
        device,
        ModelShape.HIDDEN512.config(layers),
        DType.F32,
        TrainingStep.gralora(rank, BLOCKS),
        batch,
        LENGTH);
  }

  @Override
  public List<String> parts() {
    return steps.names();
  }

  @Override
  public Map<String, Double> measure(String part) {
    TrainingStep step = steps.get(part);
    double seconds = Clock.medianSeconds(step, Math.max(1, TOKENS_PER_PART / step.tokensOfRound()));
    return Map.of(
        "token " + part, 1e6 * seconds / step.tokensOfRound(), "step " + part, 1e6 * seconds);
  }
}
