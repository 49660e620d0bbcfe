package dev.granula.cli;

import dev.granula.tensor.Device;
import dev.granula.training.FineTuning;
import dev.granula.training.LanguageModel;
import dev.granula.training.Method;
import dev.granula.training.ModelDirectory;
import dev.granula.training.TrainingOptions;
import dev.granula.training.TrainingResult;
import dev.granula.training.data.Dataset;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code granula train}. */
@Command(
    name = "train",
    description = "Fine-tunes a model and writes the adapter in PEFT's layout.",
    sortOptions = false)
final class TrainCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "Model directory in Hugging Face's layout.")
  private Path model = Path.of("");

  @Option(
      names = "--data",
      required = true,
      paramLabel = "FILE",
      description = "JSON lines with `text`, or with `prompt` and `completion`.")
  private Path data = Path.of("");

  @Option(
      names = "--output",
      required = true,
      paramLabel = "DIR",
      description = "New or empty folder for the adapter and metrics.jsonl.")
  private Path output = Path.of("");

  @Mixin private MethodOptions method = new MethodOptions();
  @Mixin private RunOptions run = new RunOptions();

  @Option(
      names = "--eval-data",
      paramLabel = "FILE",
      description = "JSON lines to evaluate on while training and at the end.")
  private @Nullable Path evalData;

  @Mixin private DeviceOption device = new DeviceOption();

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "JSON object of these options without dashes; the command line overrides it.")
  @SuppressWarnings("UnusedVariable") // ConfigFile has read it before these options are parsed.
  private @Nullable Path config;

  @Override
  public Integer call() {
    // Everything that can be refused is, before the weights are read.
    Method chosen = method.method();
    TrainingOptions options = run.options();
    ModelDirectory.requireEmptyOrMissing("train", output);
    new Inputs("train")
        .with("--model", model)
        .with("--data", data)
        .with("--eval-data", evalData)
        .require();
    Dataset trainSet = Dataset.read(data);
    Dataset evalSet = evalData == null ? null : Dataset.read(evalData);
    try (Device opened = device.open();
        Interruption interruption = new Interruption();
        Progress progress = new Progress(spec.commandLine().getErr(), interruption)) {
      TrainingResult result =
          FineTuning.of(LanguageModel.load(model, opened))
              .withMethod(chosen)
              .withOptions(options)
              .withEvaluationData(evalSet)
              .withListener(progress)
              .run(trainSet, output);
      return result.completed() ? 0 : Interruption.EXIT_CODE;
    }
  }
}
