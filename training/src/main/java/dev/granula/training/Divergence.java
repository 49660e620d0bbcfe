package dev.granula.training;

import dev.granula.autograd.Autograd;
import dev.granula.models.CausalLm;
import dev.granula.nn.Parameter;
import dev.granula.tensor.DType;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.training.data.Sample;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Finds where a NaN or an infinity began: in a weight, in a sample, or in a gradient. */
record Divergence(CausalLm model, Map<String, Parameter> trained, String dataName) {
  private static final int SHOWN = 5;

  DivergenceException at(long step, double loss, double norm, List<Sample> samples) {
    List<String> weights =
        model.namedParameters().entrySet().stream()
            .filter(e -> !isFinite(e.getValue().data()))
            .map(Map.Entry::getKey)
            .toList();
    String origin;
    if (!weights.isEmpty()) {
      origin = "weight " + shown(weights);
    } else if (!Double.isFinite(loss)) {
      origin = originOfLoss(samples);
    } else {
      origin = originOfGradients();
    }
    return new DivergenceException(
        step,
        weights.isEmpty(),
        ("training: loss and gradient norm must be finite: at step %d they are %s and %s, which began"
                + " in %s; the step was not applied; a lower learning rate may help")
            .formatted(step, loss, norm, origin));
  }

  private String originOfLoss(List<Sample> samples) {
    List<String> lines =
        samples.stream()
            .filter(s -> !Double.isFinite(loss(s)))
            .map(s -> "%s:%d".formatted(dataName, s.line()))
            .distinct()
            .toList();
    return lines.isEmpty() ? "the sum over the batch" : "sample " + shown(lines);
  }

  private String originOfGradients() {
    List<String> gradients =
        trained.entrySet().stream()
            .filter(e -> !isFinite(e.getValue().grad()))
            .map(Map.Entry::getKey)
            .toList();
    return gradients.isEmpty()
        ? "the sum over all gradients"
        : "the gradient of " + shown(gradients);
  }

  private static String shown(List<String> names) {
    return names.stream().limit(SHOWN).collect(Collectors.joining(", "))
        + (names.size() > SHOWN ? " and %d more".formatted(names.size() - SHOWN) : "");
  }

  private double loss(Sample sample) {
    try (Scope _ = model.device().memory().step()) {
      return Autograd.noGrad(
          () -> model.loss(Batches.of(model.device(), List.of(sample)), 1).item());
    }
  }

  private static boolean isFinite(@Nullable Tensor tensor) {
    if (tensor == null) {
      return true;
    }
    try (Scope _ = tensor.device().memory().step()) {
      Tensor norm = Tensor.empty(tensor.device(), DType.F64, Shape.scalar());
      tensor.backend().norm(List.of(tensor.to(DType.F64)), norm);
      return Double.isFinite(norm.item());
    }
  }
}
