package dev.granula.training.quickstart;

import dev.granula.gralora.GraLoraConfig;
import dev.granula.gralora.Targets;
import dev.granula.models.Models;
import dev.granula.tensor.Device;
import dev.granula.training.Answers;
import dev.granula.training.FineTuning;
import dev.granula.training.LanguageModel;
import dev.granula.training.Method;
import dev.granula.training.ModelDirectory;
import dev.granula.training.TrainingException;
import dev.granula.training.TrainingOptions;
import dev.granula.training.data.Dataset;
import dev.granula.training.quickstart.QuickstartListener.Stage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Fine-tunes a small base model with GraLoRA on a task that it cannot do, and shows that it then
 * can: exact-match accuracy on held-out questions before and after, the adapter on disk, and a
 * merged model that gives the same answers.
 *
 * @param base model directory
 * @param train questions to learn from
 * @param heldOut questions to be judged by
 * @param method what is trained
 * @param options how
 */
public record Quickstart(
    Path base, Dataset train, Dataset heldOut, Method method, TrainingOptions options) {
  /** Settings for the embedded task, found by experiment. */
  public static final Method METHOD =
      new Method.Adapter(GraLoraConfig.DEFAULT.withTargets(Targets.allLinear()));

  public static final TrainingOptions OPTIONS =
      TrainingOptions.DEFAULT.withSteps(200).withBatchSize(16).withLearningRate(2e-3);

  private static final int MAX_ANSWER_TOKENS = 24;
  private static final String BASE = "base";
  private static final String TRAIN = "train.jsonl";
  private static final String HELD_OUT = "held-out.jsonl";
  private static final List<String> FILES =
      List.of(
          TRAIN,
          HELD_OUT,
          BASE + "/config.json",
          BASE + "/model.safetensors",
          BASE + "/tokenizer.json",
          BASE + "/tokenizer_config.json");

  /**
   * The embedded model and task, unpacked into {@code folder}.
   *
   * @param folder new or empty
   */
  public static Quickstart unpack(Path folder) {
    ModelDirectory.requireEmptyOrMissing("quickstart", folder);
    try {
      Files.createDirectories(folder.resolve(BASE));
      for (String file : FILES) {
        try (InputStream in = Quickstart.class.getResourceAsStream(file)) {
          if (in == null) {
            throw new TrainingException("quickstart: the program was built without " + file);
          }
          Files.copy(in, folder.resolve(file));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("quickstart: unpack to " + folder, e);
    }
    return new Quickstart(
        folder.resolve(BASE),
        Dataset.read(folder.resolve(TRAIN)),
        Dataset.read(folder.resolve(HELD_OUT)),
        METHOD,
        OPTIONS);
  }

  public Quickstart withSeed(long seed) {
    return new Quickstart(base, train, heldOut, method, options.withSeed(seed));
  }

  /**
   * Runs everything and leaves {@code adapter} and {@code merged} in {@code folder}.
   *
   * @return empty if the listener ended the training before its end
   * @throws TrainingException if the merged model answers otherwise than the adapted one
   */
  public Optional<QuickstartResult> run(Path folder, Device device, QuickstartListener listener) {
    Path adapter = folder.resolve("adapter");
    Path merged = folder.resolve("merged");
    LanguageModel model = LanguageModel.load(base, device);
    Answers before = answer(model, Stage.BASE, listener);
    boolean completed =
        FineTuning.of(model)
            .withMethod(method)
            .withOptions(options)
            .withListener(listener)
            .run(train, adapter)
            .completed();
    if (!completed) {
      return Optional.empty();
    }
    Answers after = answer(model, Stage.TUNED, listener);
    model.mergeTo(merged, Models.SavedType.STORED);
    listener.onMerged(merged);
    Answers again = answer(LanguageModel.load(merged, device), Stage.MERGED, listener);
    requireEqual(after, again);
    return Optional.of(new QuickstartResult(before, after, adapter, merged));
  }

  private Answers answer(LanguageModel model, Stage stage, QuickstartListener listener) {
    Answers answers = model.answer(heldOut, MAX_ANSWER_TOKENS);
    listener.onAnswers(stage, answers);
    return answers;
  }

  private static void requireEqual(Answers adapted, Answers merged) {
    long different = 0;
    for (int i = 0; i < adapted.list().size(); i++) {
      different += adapted.list().get(i).equals(merged.list().get(i)) ? 0 : 1;
    }
    if (different > 0) {
      throw new TrainingException(
          "quickstart: the merged model must answer as the adapted one does: %d of %d differ"
              .formatted(different, adapted.list().size()));
    }
  }
}
