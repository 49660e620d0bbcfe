package dev.granula.training;

import dev.granula.autograd.Variable;
import dev.granula.models.CausalLm;
import dev.granula.nn.Parameter;
import dev.granula.nn.optim.AdamW;
import dev.granula.nn.optim.Clipping;
import dev.granula.nn.optim.Optimizer;
import dev.granula.nn.optim.Schedule;
import dev.granula.tensor.DType;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.training.data.EncodedDataset;
import dev.granula.training.data.Sample;
import dev.granula.training.data.SampleOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The steps of a run. A step takes its samples in {@code accumulate} batches, whose losses are
 * scaled by one over the targets of the whole step, so that every target weighs the same however
 * samples are grouped. What happens between steps is {@link FineTuning}'s.
 */
final class Trainer {
  private static final double NANOS_PER_SECOND = 1e9;

  private final CausalLm model;
  private final Map<String, Parameter> parameters;
  private final EncodedDataset data;
  private final TrainingOptions options;
  private final Optimizer optimizer;
  private final Schedule schedule;
  private final SampleOrder order;
  private final long steps;

  /**
   * @param parameters that are trained, by name
   */
  Trainer(
      CausalLm model,
      Map<String, Parameter> parameters,
      EncodedDataset data,
      TrainingOptions options) {
    this.model = model;
    this.parameters = parameters;
    this.data = data;
    this.options = options;
    int perStep = options.batching().samplesPerStep();
    steps = options.length().steps(data.size(), perStep);
    schedule = options.optimization().schedule(steps);
    optimizer = new AdamW(parameters, options.optimization().adamW());
    long samples = options.length().samples(data.size(), perStep);
    order = new SampleOrder(data.samples(), Seeds.of(options.seed()).order(), samples);
  }

  /** Number of steps of the run. */
  long steps() {
    return steps;
  }

  /** Number of steps taken. */
  long stepsTaken() {
    return optimizer.steps();
  }

  boolean isFinished() {
    return stepsTaken() == steps;
  }

  /**
   * Takes one step.
   *
   * @throws DivergenceException if the loss or the norm of the gradients is not finite; then the
   *     weights stay as they are
   */
  StepMetrics step() {
    long start = System.nanoTime();
    Memory memory = model.device().memory();
    double rate = schedule.rate(stepsTaken());
    List<Sample> samples = order.next(options.batching().samplesPerStep());
    double loss;
    double norm;
    try (Scope _ = memory.step()) {
      try {
        List<Tensor> losses = backward(samples);
        Clipping clipping = Clipping.of(parameters.values(), options.optimization().clip());
        double[] numbers = read(clipping.norm(), losses);
        norm = numbers[0];
        loss = Arrays.stream(numbers, 1, numbers.length).sum();
        if (!Double.isFinite(loss) || !Double.isFinite(norm)) {
          throw new Divergence(model, parameters, data.name())
              .at(stepsTaken() + 1, loss, norm, samples);
        }
        optimizer.step(rate, clipping.factor());
      } finally {
        optimizer.zeroGrad();
      }
    }
    double seconds = (System.nanoTime() - start) / NANOS_PER_SECOND;
    long tokens = samples.stream().mapToLong(Sample::length).sum();
    long resident = ResidentMemory.bytes(memory.stats().slabBytes());
    return new StepMetrics(
        stepsTaken(), loss, rate, norm, tokens, seconds, tokens / seconds, resident);
  }

  /** Adds the gradients of all batches of a step; the sum of the losses is the step's. */
  private List<Tensor> backward(List<Sample> samples) {
    double scale = 1.0 / samples.stream().mapToLong(Sample::targetCount).sum();
    int batchSize = options.batching().batchSize();
    List<Tensor> losses = new ArrayList<>();
    for (int from = 0; from < samples.size(); from += batchSize) {
      List<Sample> batch = samples.subList(from, Math.min(samples.size(), from + batchSize));
      try (Scope scope = model.device().memory().step()) {
        Variable part = model.loss(Batches.of(model.device(), batch), scale);
        losses.add(scope.keep(part.data()));
        part.backward();
      }
    }
    return losses;
  }

  /** The norm and the losses in one copy: the host waits for the device once in a step. */
  private static double[] read(Tensor norm, List<Tensor> losses) {
    Tensor all = Tensor.empty(norm.device(), DType.F64, Shape.of(1 + losses.size()));
    norm.backend().copy(norm.reshape(1), all.slice(0, 0, 1));
    for (int i = 0; i < losses.size(); i++) {
      norm.backend().copy(losses.get(i).reshape(1), all.slice(0, i + 1, i + 2));
    }
    return all.toDoubleArray();
  }
}
