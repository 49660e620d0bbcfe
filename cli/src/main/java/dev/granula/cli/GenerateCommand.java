package dev.granula.cli;

import dev.granula.models.generation.GenerationOptions;
import dev.granula.tensor.Device;
import dev.granula.tensor.GranulaException;
import dev.granula.training.LanguageModel;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code granula generate}. */
@Command(
    name = "generate",
    description = "Continues a prompt and prints the new text alone, as it comes.",
    sortOptions = false)
final class GenerateCommand implements Callable<Integer> {
  private static final int DEFAULT_NEW_TOKENS = 128;

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model = new ModelOptions();

  @Option(
      names = "--prompt",
      required = true,
      paramLabel = "TEXT",
      description = "Text to be continued.")
  private String prompt = "";

  @Option(
      names = "--max-new-tokens",
      description =
          "Tokens to add at most (default: " + DEFAULT_NEW_TOKENS + ", or what the context holds).")
  private @Nullable Integer maxNewTokens;

  @Option(
      names = "--temperature",
      defaultValue = "0",
      description = "0 takes the likeliest token each time (default: ${DEFAULT-VALUE}).")
  private double temperature;

  @Option(
      names = "--top-k",
      defaultValue = "0",
      description = "Draw from the k likeliest tokens; 0: from all (default: ${DEFAULT-VALUE}).")
  private int topK;

  @Option(
      names = "--top-p",
      defaultValue = "1",
      description =
          "Draw from the likeliest tokens of this joint probability (default: ${DEFAULT-VALUE}).")
  private double topP;

  @Option(
      names = "--seed",
      defaultValue = "42",
      description = "Of the drawing (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Mixin private DeviceOption device = new DeviceOption();

  @Override
  public Integer call() {
    options(maxNewTokens == null ? DEFAULT_NEW_TOKENS : maxNewTokens);
    if (temperature == 0 && (topK > 0 || topP < 1)) {
      spec.commandLine().getErr().println("note: at temperature 0 --top-k and --top-p do nothing");
    }
    try (Device opened = device.open()) {
      LanguageModel loaded = model.load(opened);
      PrintWriter out = spec.commandLine().getOut();
      loaded.generate(
          prompt,
          options(newTokens(loaded)),
          text -> {
            out.print(text);
            out.flush();
          });
      out.println();
      out.flush();
    }
    return 0;
  }

  private int newTokens(LanguageModel loaded) {
    if (maxNewTokens != null) {
      return maxNewTokens;
    }
    int context = loaded.network().config().contextLength();
    int used = loaded.tokenizer().encodePrompt(prompt).length;
    return Math.max(1, Math.min(DEFAULT_NEW_TOKENS, context - used));
  }

  private GenerationOptions options(int newTokens) {
    try {
      return new GenerationOptions(newTokens, temperature, topK, topP, seed, Optional.empty());
    } catch (GranulaException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }
}
