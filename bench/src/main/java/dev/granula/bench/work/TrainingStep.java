package dev.granula.bench.work;

import dev.granula.autograd.Variable;
import dev.granula.gralora.AdapterConfig;
import dev.granula.gralora.Adapters;
import dev.granula.gralora.GraLoraConfig;
import dev.granula.gralora.LoraConfig;
import dev.granula.gralora.Targets;
import dev.granula.models.CausalLm;
import dev.granula.models.ModelConfig;
import dev.granula.models.Models;
import dev.granula.models.TokenBatch;
import dev.granula.nn.Parameter;
import dev.granula.nn.optim.AdamW;
import dev.granula.nn.optim.Clipping;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;

/** A model with random weights and its training steps on random tokens. */
final class TrainingStep implements Runnable {
  private static final double LEARNING_RATE = 1e-4;
  private static final double LARGEST_NORM = 1;

  private final CausalLm model;
  private final Map<String, Parameter> parameters;
  private final AdamW optimizer;
  private final SplittableRandom random = new SplittableRandom(1);
  private final int batch;
  private int[] lengths;
  private int nextLength;

  private TrainingStep(CausalLm model, Map<String, Parameter> parameters, int batch, int length) {
    this.model = model;
    this.parameters = parameters;
    this.batch = batch;
    lengths = new int[] {length};
    optimizer = new AdamW(parameters, AdamW.Settings.DEFAULT);
    model.setTraining(true);
  }

  /** Trains an adapter on all seven projections. */
  static TrainingStep adapter(
      Device device, ModelConfig config, DType base, AdapterConfig adapter, int batch, int length) {
    CausalLm model = Models.create(config, 1, device, base);
    Adapters adapters = Adapters.on(model, "qwen2", model.random());
    adapters.attach(Adapters.DEFAULT, adapter, 1);
    return new TrainingStep(model, adapters.parameters(), batch, length);
  }

  /** Trains every weight. */
  static TrainingStep full(Device device, ModelConfig config, int batch, int length) {
    CausalLm model = Models.create(config, 1, device);
    Map<String, Parameter> parameters = model.namedParameters();
    parameters.values().forEach(parameter -> parameter.setTrainable(true));
    return new TrainingStep(model, parameters, batch, length);
  }

  static AdapterConfig gralora(int rank, int blocks) {
    return GraLoraConfig.DEFAULT
        .withRank(rank, 0, blocks)
        .withAlpha(2.0 * rank)
        .withTargets(Targets.allLinear());
  }

  static AdapterConfig lora(int rank) {
    return LoraConfig.DEFAULT.withRank(rank).withAlpha(2.0 * rank).withTargets(Targets.allLinear());
  }

  TrainingStep withGradientCheckpointing(boolean enabled) {
    model.setGradientCheckpointing(enabled);
    return this;
  }

  /**
   * Takes the lengths of its sequences from {@code values}, which are those of whole steps, one
   * after the other and again from the first.
   */
  TrainingStep withLengths(int... values) {
    if (values.length % batch != 0) {
      throw new IllegalArgumentException(
          "lengths must be for whole steps of %d: %d".formatted(batch, values.length));
    }
    lengths = values.clone();
    return this;
  }

  /** Steps until all lengths have had their turn. */
  int stepsOfRound() {
    return Math.ceilDiv(lengths.length, batch);
  }

  /** Tokens of as many steps. */
  int tokensOfRound() {
    return Arrays.stream(lengths).sum() * (stepsOfRound() * batch / lengths.length);
  }

  /** Forward, backward, clipping and AdamW; the loss is read, as a training loop does. */
  @Override
  public void run() {
    Device device = model.device();
    int[][] ids = randomIds();
    try (var _ = device.memory().step()) {
      TokenBatch tokens = TokenBatch.packed(device, ids, ids);
      Variable loss = model.loss(tokens, 1.0 / tokens.targetCount());
      loss.backward();
      Clipping clipping = Clipping.of(parameters.values(), LARGEST_NORM);
      optimizer.step(LEARNING_RATE, clipping.factor());
      optimizer.zeroGrad();
      if (!Double.isFinite(loss.item())) {
        throw new IllegalStateException("the loss is " + loss.item());
      }
    }
  }

  private int[][] randomIds() {
    int[][] ids = new int[batch][];
    for (int i = 0; i < batch; i++) {
      ids[i] = new int[lengths[nextLength++ % lengths.length]];
      Arrays.setAll(ids[i], _ -> random.nextInt(model.config().vocabularySize()));
    }
    return ids;
  }
}
