package dev.granula.cli;

import dev.granula.models.Models;
import dev.granula.tensor.Device;
import dev.granula.training.LanguageModel;
import dev.granula.training.ModelDirectory;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code granula merge}. */
@Command(
    name = "merge",
    description = "Writes a model directory whose weights have the adapter in them.",
    sortOptions = false)
final class MergeCommand implements Callable<Integer> {
  private enum DTypeName {
    BASE,
    F32;

    @Override
    public String toString() {
      return Lower.name(this);
    }
  }

  @Spec private CommandSpec spec;

  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "Model directory in Hugging Face's layout.")
  private Path model = Path.of("");

  @Option(
      names = "--adapter",
      required = true,
      paramLabel = "DIR",
      description = "Adapter in PEFT's layout.")
  private Path adapter = Path.of("");

  @Option(
      names = "--output",
      required = true,
      paramLabel = "DIR",
      description = "New or empty folder for the merged model.")
  private Path output = Path.of("");

  @Option(
      names = "--dtype",
      defaultValue = "base",
      description =
          "Type of the merged weights: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private DTypeName dtype = DTypeName.BASE;

  @Mixin private DeviceOption device = new DeviceOption();

  @Override
  public Integer call() {
    ModelDirectory.requireEmptyOrMissing("merge", output);
    try (Device opened = device.open();
        Interruption _ = new Interruption()) {
      LanguageModel loaded = LanguageModel.load(model, opened);
      ModelOptions.load(loaded, adapter, spec.commandLine().getErr());
      boolean wide = dtype == DTypeName.F32;
      loaded.mergeTo(output, wide ? Models.SavedType.F32 : Models.SavedType.STORED);
    }
    return 0;
  }
}
