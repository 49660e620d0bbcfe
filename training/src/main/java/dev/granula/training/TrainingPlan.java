package dev.granula.training;

import dev.granula.training.data.SampleCounts;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What a run is about to do.
 *
 * @param method {@code gralora}, {@code lora} or {@code full}
 * @param scale effective scale of the adapter, alpha / (r + h); empty for full fine-tuning
 * @param targets paths of the adapted layers; empty for full fine-tuning
 * @param trainableParameters numbers that are trained
 * @param totalParameters numbers of the model, adapter included
 * @param training samples of one epoch
 * @param evaluation samples of an evaluation; empty if there is none
 * @param steps of the run
 */
public record TrainingPlan(
    String method,
    OptionalDouble scale,
    List<String> targets,
    long trainableParameters,
    long totalParameters,
    SampleCounts training,
    Optional<SampleCounts> evaluation,
    long steps) {
  public TrainingPlan {
    targets = List.copyOf(targets);
  }

  /** The last parts of the target paths, each once: {@code q_proj}, {@code v_proj}. */
  public List<String> targetNames() {
    return targets.stream()
        .map(path -> path.substring(path.lastIndexOf('.') + 1))
        .distinct()
        .toList();
  }
}
