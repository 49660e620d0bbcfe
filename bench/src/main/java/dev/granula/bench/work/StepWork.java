package dev.granula.bench.work;

import dev.granula.models.ModelConfig;
import java.util.List;
import java.util.Map;

/** Tokens per second of a training step. */
final class StepWork implements Work {
  private final TrainingStep step;

  StepWork(Options options) {
    ModelShape shape = ModelShape.of(options.text("shape", "hidden512"));
    step = create(options, shape).withGradientCheckpointing(options.isSet("checkpointing"));
    int[] lengths = options.numbers("lengths");
    if (lengths.length > 0) {
      step.withLengths(lengths);
    }
  }

  private static TrainingStep create(Options options, ModelShape shape) {
    ModelConfig config = shape.config();
    int rank = options.number("rank", 32);
    int batch = shape.batch();
    int length = ModelShape.LENGTH;
    String method = options.text("method", "gralora");
    return switch (method) {
      case "gralora" ->
          TrainingStep.adapter(
              options.device(),
              config,
              options.base(),
              TrainingStep.gralora(rank, options.number("k", 2)),
              batch,
              length);
      case "lora" ->
          TrainingStep.adapter(
              options.device(), config, options.base(), TrainingStep.lora(rank), batch, length);
      case "full" -> TrainingStep.full(options.device(), config, batch, length);
      default ->
          throw new IllegalArgumentException("method must be gralora, lora or full: " + method);
    };
  }

  @Override
  public List<String> parts() {
    return List.of("step");
  }

  @Override
  public Map<String, Double> measure(String part) {
    int steps = step.stepsOfRound();
    double seconds = 0;
    for (int i = 0; i < steps; i++) {
      seconds += Clock.seconds(step);
    }
    return Map.of("tokens/s", step.tokensOfRound() / seconds, "s/step", seconds / steps);
  }
}
