package dev.granula.samples;

import dev.granula.gralora.GraLoraConfig;
import dev.granula.gralora.Targets;
import dev.granula.tensor.cpu.Cpu;
import dev.granula.training.FineTuning;
import dev.granula.training.LanguageModel;
import dev.granula.training.Method;
import dev.granula.training.TrainingOptions;
import dev.granula.training.data.Dataset;
import java.nio.file.Path;

/**
 * Lesson 6: fine-tuning a language model from Java. The arguments are a Hugging Face model
 * directory, a file of {@code {"prompt": ..., "completion": ...}} lines, and a new directory for
 * the adapter.
 */
public final class Lesson06FineTuning {
  private Lesson06FineTuning() {}

  public static void main(String[] args) {
    run(Path.of(args[0]), Path.of(args[1]), Path.of(args[2]), 100);
  }

  static void run(Path modelDirectory, Path dataFile, Path adapterDirectory, int steps) {
    // README: begin
    LanguageModel model = LanguageModel.load(modelDirectory, Cpu.device());
    Dataset data = Dataset.read(dataFile);
    GraLoraConfig config =
        GraLoraConfig.DEFAULT
            .withRank(32, 0, 2)
            .withAlpha(64)
            .withTargets(Targets.names("q_proj", "v_proj"));
    TrainingOptions options =
        TrainingOptions.DEFAULT.withSteps(steps).withBatchSize(8).withLearningRate(1e-3);

    System.out.println("before: loss " + model.evaluate(data).loss());
    FineTuning.of(model)
        .withMethod(new Method.Adapter(config))
        .withOptions(options)
        .run(data, adapterDirectory);
    System.out.println("after:  loss " + model.evaluate(data).loss());
    System.out.println(model.generate("Question: Where does Ada live?\nAnswer:", 8));
    // README: end
  }
}
