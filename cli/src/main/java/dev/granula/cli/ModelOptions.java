package dev.granula.cli;

import dev.granula.gralora.PeftMetadata;
import dev.granula.tensor.Device;
import dev.granula.training.LanguageModel;
import java.io.PrintWriter;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A model, with an adapter or without. */
final class ModelOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "Model directory in Hugging Face's layout.")
  private Path directory = Path.of("");

  @Option(names = "--adapter", paramLabel = "DIR", description = "Adapter in PEFT's layout.")
  private @Nullable Path adapter;

  /** What these options name, for {@code command} to add its own. */
  Inputs inputs(String command) {
    return new Inputs(command).with("--model", directory).with("--adapter", adapter);
  }

  LanguageModel load(Device device) {
    LanguageModel model = LanguageModel.load(directory, device);
    if (adapter != null) {
      load(model, adapter, spec.commandLine().getErr());
    }
    return model;
  }

  /** A base that moved is the usual case, so another path is worth a note and no more. */
  static void load(LanguageModel model, Path adapter, PrintWriter err) {
    PeftMetadata metadata = model.loadAdapter(adapter);
    String base = metadata.baseModel();
    if (base != null
        && !Path.of(base).toAbsolutePath().equals(model.directory().toAbsolutePath())) {
      err.println("note: the adapter was trained on %s".formatted(base));
    }
  }
}
