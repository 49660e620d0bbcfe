package dev.granula.training;

import java.util.List;
import java.util.OptionalDouble;

/**
 * What a run is about to do.
 *
 * @param method {@code gralora}, {@code lora} or {@code full}
 * @param scale effective scale of the adapter, alpha / (r + h); empty for full fine-tuning
 * @param targets paths of the adapted layers; empty for full fine-tuning
 * @param trainableParameters numbers that are trained
 * @param totalParameters numbers of the model, adapter included
 * @param samples of one epoch
 * @param cutSamples samples that lost tokens to the maximum length
 * @param skippedSamples examples left out because no target remained
 * @param steps of the run
 */
public record TrainingPlan(
    String method,
    OptionalDouble scale,
    List<String> targets,
    long trainableParameters,
    long totalParameters,
    int samples,
    int cutSamples,
    int skippedSamples,
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
