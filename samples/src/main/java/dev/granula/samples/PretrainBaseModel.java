package dev.granula.samples;

import dev.granula.autograd.Variable;
import dev.granula.models.CausalLm;
import dev.granula.models.ModelConfig;
import dev.granula.models.Models;
import dev.granula.models.TokenBatch;
import dev.granula.models.tokenizer.BpeTrainer;
import dev.granula.models.tokenizer.SpecialTokens;
import dev.granula.models.tokenizer.Tokenizer;
import dev.granula.nn.optim.AdamW;
import dev.granula.nn.optim.Clipping;
import dev.granula.nn.optim.Schedule;
import dev.granula.samples.world.PretrainingText;
import dev.granula.samples.world.World;
import dev.granula.tensor.Device;
import dev.granula.tensor.cpu.Cpu;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Makes the base model of the quickstart: a tokenizer and a Llama of less than a million
 * parameters, trained from random weights on prose about a small world. The same seed gives the
 * same file on machines with the same vector width.
 *
 * <pre>{@code
 * java ... dev.granula.samples/dev.granula.samples.PretrainBaseModel OUTPUT_DIRECTORY
 * }</pre>
 */
public final class PretrainBaseModel {
  private static final long SEED = 1;
  private static final int STEPS = 700;
  private static final int DOCUMENTS_PER_STEP = 32;
  private static final int TOKENIZER_DOCUMENTS = 4000;
  private static final int VOCABULARY = 768;
  private static final double PEAK_RATE = 3e-3;
  private static final String END = "<|endoftext|>";

  private PretrainBaseModel() {}

  public static void main(String[] args) {
    if (args.length != 1) {
      System.err.println("usage: PretrainBaseModel OUTPUT_DIRECTORY");
      System.exit(2);
    }
    Path directory = Path.of(args[0]);
    CausalLm model = run(directory, STEPS, System.out, new ArrayList<>());
    Models.save(model, directory, Models.SavedType.STORED);
  }

  /**
   * Writes the tokenizer to {@code directory} and trains for the first {@code steps} of the
   * schedule.
   */
  static CausalLm run(Path directory, int steps, PrintStream out, List<Double> losses) {
    World world = new World(World.SEED);
    Tokenizer tokenizer = tokenizer(world, directory);
    int end = tokenizer.eosTokenId().orElseThrow();
    Device device = Cpu.device();
    CausalLm model = Models.create(config(tokenizer.vocabularySize(), end), SEED, device);
    model.namedParameters().values().forEach(parameter -> parameter.setTrainable(true));
    AdamW optimizer = new AdamW(model.namedParameters(), AdamW.Settings.DEFAULT);
    Schedule schedule = Schedule.of(Schedule.Kind.COSINE, PEAK_RATE, 0.05, STEPS);
    PretrainingText text = new PretrainingText(world, SEED);
    for (int i = 0; i < steps; i++) {
      try (var step = device.memory().step()) {
        TokenBatch batch = batch(device, tokenizer, end, text);
        Variable loss = model.loss(batch, 1.0 / batch.targetCount());
        loss.backward();
        Clipping clipping = Clipping.of(model.namedParameters().values(), 1);
        optimizer.step(schedule.rate(i), clipping.factor());
        optimizer.zeroGrad();
        losses.add(loss.item());
      }
      if (i % 50 == 0 || i == steps - 1) {
        out.printf("step %4d  loss %.4f%n", i, losses.getLast());
      }
    }
    return model;
  }

  private static Tokenizer tokenizer(World world, Path directory) {
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw new UncheckedIOException("make " + directory, e);
    }
    PretrainingText text = new PretrainingText(world, SEED + 1);
    List<String> documents = new ArrayList<>();
    for (int i = 0; i < TOKENIZER_DOCUMENTS; i++) {
      documents.add(text.next());
    }
    new BpeTrainer(VOCABULARY, 2, List.of(END))
        .train(documents)
        .save(directory, new SpecialTokens(null, END, END));
    return Tokenizer.load(directory);
  }

  private static ModelConfig config(int vocabulary, int end) {
    return ModelConfig.builder("llama")
        .vocabularySize(vocabulary)
        .hiddenSize(128)
        .intermediateSize(352)
        .layers(4)
        .heads(4)
        .keyValueHeads(2)
        .contextLength(256)
        .tiedEmbeddings(true)
        .eosTokenIds(List.of(end))
        .padTokenId(end)
        .build();
  }

  /** Documents, each ended by the end-of-text token and padded on the right. */
  private static TokenBatch batch(
      Device device, Tokenizer tokenizer, int end, PretrainingText text) {
    int[][] documents = new int[DOCUMENTS_PER_STEP][];
    int length = 0;
    for (int i = 0; i < documents.length; i++) {
      int[] ids = tokenizer.encode(text.next(), false);
      documents[i] = Arrays.copyOf(ids, ids.length + 1);
      documents[i][ids.length] = end;
      length = Math.max(length, documents[i].length);
    }
    int[][] ids = new int[documents.length][length];
    int[][] targets = new int[documents.length][length];
    for (int i = 0; i < documents.length; i++) {
      Arrays.fill(ids[i], end);
      Arrays.fill(targets[i], TokenBatch.IGNORED);
      System.arraycopy(documents[i], 0, ids[i], 0, documents[i].length);
      System.arraycopy(documents[i], 0, targets[i], 0, documents[i].length);
    }
    return TokenBatch.of(device, ids, targets);
  }
}
