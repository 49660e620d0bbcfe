package dev.granula.training;

import dev.granula.gralora.GraLoraConfig;
import dev.granula.models.CausalLm;
import dev.granula.nn.Parameter;
import dev.granula.tensor.DType;
import dev.granula.tensor.Memory;
import dev.granula.training.data.Dataset;
import dev.granula.training.data.EncodedDataset;
import dev.granula.training.data.SampleEncoder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A fine-tuning run: what is trained, how, and who hears of it.
 *
 * <pre>{@code
 * LanguageModel model = LanguageModel.load(Path.of("base"), Cpu.device());
 * FineTuning.of(model)
 *     .withOptions(TrainingOptions.DEFAULT.withEpochs(3))
 *     .run(Dataset.read(Path.of("train.jsonl")), Path.of("adapter"));
 * }</pre>
 *
 * @param model that is fine-tuned
 * @param method what is trained
 * @param options how
 * @param evaluationData scored between steps and at the end, or null
 * @param listener hears what happens
 */
public record FineTuning(
    LanguageModel model,
    Method method,
    TrainingOptions options,
    @Nullable Dataset evaluationData,
    TrainingListener listener) {
  /** GraLoRA with the defaults of PEFT and of {@link TrainingOptions}, in silence. */
  public static FineTuning of(LanguageModel model) {
    return new FineTuning(
        model,
        new Method.Adapter(GraLoraConfig.DEFAULT),
        TrainingOptions.DEFAULT,
        null,
        TrainingListener.NONE);
  }

  public FineTuning withMethod(Method value) {
    return new FineTuning(model, value, options, evaluationData, listener);
  }

  public FineTuning withOptions(TrainingOptions value) {
    return new FineTuning(model, method, value, evaluationData, listener);
  }

  public FineTuning withEvaluationData(@Nullable Dataset value) {
    return new FineTuning(model, method, options, value, listener);
  }

  public FineTuning withListener(TrainingListener value) {
    return new FineTuning(model, method, options, evaluationData, value);
  }

  /**
   * Trains, and leaves in {@code output} the adapter in PEFT's layout (for {@link Method.Full}, a
   * model directory) and {@code metrics.jsonl}. The adapter stays attached to the model and active.
   *
   * @param output is made; must be empty where it exists, so that no earlier result is overwritten
   * @throws TooLittleMemoryException before the first step, if it would not fit
   * @throws DivergenceException if the loss or the gradients stop being finite; what was saved last
   *     stays in {@code output}, or, if nothing was, the weights before that step
   */
  public TrainingResult run(Dataset data, Path output) {
    ModelDirectory.requireEmptyOrMissing("train", output);
    SampleEncoder encoder =
        model
            .encoder()
            .withMaxLength(options.batching().maxLength())
            .withAppendEos(options.batching().appendEos());
    EncodedDataset encoded = encoder.encode(data);
    EncodedDataset heldOut = evaluationData == null ? null : encoder.encode(evaluationData);
    Seeds seeds = Seeds.of(options.seed());
    noteWidening();
    Trainable trainable = prepared(encoded, seeds.adapter());
    Trainer trainer = new Trainer(model.network(), trainable.parameters(), encoded, options);
    listener.onStart(plan(trainable, encoded, heldOut, trainer.steps()));
    CausalLm network = model.network();
    network.random().seek(seeds.dropout());
    network.setTraining(true);
    network.setGradientCheckpointing(options.checkpointing());
    try (MetricsLog log = new MetricsLog(created(output))) {
      return new Run(this, trainable, trainer, heldOut, output, log).toEnd();
    } catch (IOException e) {
      throw new UncheckedIOException("train to " + output, e);
    } finally {
      network.setTraining(false);
      network.setGradientCheckpointing(false);
    }
  }

  /** An adapter is attached, which takes little, before its step is measured. */
  private Trainable prepared(EncodedDataset data, long seed) {
    CausalLm network = model.network();
    Batching batching = options.batching();
    long ofRun = options.length().samples(data.size(), batching.samplesPerStep());
    long tokens = Batches.mostTokens(data.samples(), batching.batchSize(), ofRun);
    boolean checkpointing = options.checkpointing();
    StepMemory.Settings settings =
        new StepMemory.Settings(method, batching, checkpointing, isNarrow());
    String device = network.device().name();
    Memory memory = network.device().memory();
    if (method instanceof Method.Full) {
      StepMemory.ofAllWeights(network, tokens, checkpointing).requireRoom(device, memory, settings);
      return Trainable.prepare(model, method, seed);
    }
    Trainable trainable = Trainable.prepare(model, method, seed);
    StepMemory.ofAdapter(
            network,
            model.adapters().layers().values(),
            trainable.parameters().values(),
            tokens,
            checkpointing)
        .requireRoom(device, memory, settings);
    return trainable;
  }

  private boolean isNarrow() {
    return model.network().namedParameters().values().stream()
        .anyMatch(p -> p.dtype() == DType.BF16 || p.dtype() == DType.F16);
  }

  private void noteWidening() {
    if (isNarrow() && method instanceof Method.Full) {
      listener.onNote("the weights are stored in 16 bits; they are trained and saved in F32");
    }
  }

  private TrainingPlan plan(
      Trainable trainable, EncodedDataset data, @Nullable EncodedDataset heldOut, long steps) {
    return new TrainingPlan(
        method.label(),
        trainable.scale(),
        trainable.targets(),
        elementCount(trainable.parameters().values()),
        elementCount(model.network().namedParameters().values()),
        data.counts(),
        Optional.ofNullable(heldOut).map(EncodedDataset::counts),
        steps);
  }

  private static long elementCount(Collection<Parameter> parameters) {
    return parameters.stream().mapToLong(p -> p.shape().elementCount()).sum();
  }

  private static Path created(Path output) throws IOException {
    return Files.createDirectories(output);
  }
}
