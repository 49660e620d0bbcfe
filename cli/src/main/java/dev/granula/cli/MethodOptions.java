package dev.granula.cli;

import dev.granula.gralora.AdapterException;
import dev.granula.gralora.GraLoraConfig;
import dev.granula.gralora.LoraConfig;
import dev.granula.gralora.Targets;
import dev.granula.training.Method;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What is trained. */
final class MethodOptions {
  private static final List<String> ADAPTER_OPTIONS =
      List.of("--rank", "--k", "--hybrid-rank", "--alpha", "--dropout", "--targets");
  private static final List<String> GRALORA_OPTIONS = List.of("--k", "--hybrid-rank");

  private enum Name {
    GRALORA,
    LORA,
    FULL;

    @Override
    public String toString() {
      return Lower.name(this);
    }
  }

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--method",
      defaultValue = "gralora",
      description = "What is trained: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private Name name = Name.GRALORA;

  @Option(
      names = "--rank",
      defaultValue = "32",
      description = "Rank r of the adapter (default: ${DEFAULT-VALUE}).")
  private int rank;

  @Option(
      names = "--k",
      defaultValue = "2",
      description = "GraLoRA's blocks per side (default: ${DEFAULT-VALUE}).")
  private int blocks;

  @Option(
      names = "--hybrid-rank",
      defaultValue = "0",
      description = "Rank h of GraLoRA's additional plain LoRA (default: ${DEFAULT-VALUE}).")
  private int hybridRank;

  @Option(
      names = "--alpha",
      defaultValue = "64",
      description = "The update is scaled by alpha / (r + h) (default: ${DEFAULT-VALUE}).")
  private double alpha;

  @Option(
      names = "--dropout",
      defaultValue = "0",
      description = "Dropout on the adapter's input (default: ${DEFAULT-VALUE}).")
  private double dropout;

  @Option(
      names = "--targets",
      paramLabel = "NAMES|all-linear|regex:...",
      description =
          "Layers to adapt: names with commas between, all-linear, or regex:PATTERN on the whole path"
              + " (default: PEFT's for the architecture).")
  private @Nullable String targets;

  /**
   * The method that was asked for.
   *
   * @throws ParameterException if options do not fit the method or each other
   */
  Method method() {
    try {
      return switch (name) {
        case GRALORA ->
            new Method.Adapter(
                GraLoraConfig.DEFAULT
                    .withRank(rank, hybridRank, blocks)
                    .withAlpha(alpha)
                    .withDropout(dropout)
                    .withTargets(parsedTargets()));
        case LORA -> {
          refuse(GRALORA_OPTIONS);
          yield new Method.Adapter(
              LoraConfig.DEFAULT
                  .withRank(rank)
                  .withAlpha(alpha)
                  .withDropout(dropout)
                  .withTargets(parsedTargets()));
        }
        case FULL -> {
          refuse(ADAPTER_OPTIONS);
          yield new Method.Full();
        }
      };
    } catch (AdapterException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private Targets parsedTargets() {
    return targets == null ? Targets.architectureDefault() : Targets.parse(targets);
  }

  private void refuse(List<String> options) {
    List<String> given = new ArrayList<>(options);
    given.removeIf(option -> !spec.commandLine().getParseResult().hasMatchedOption(option));
    if (!given.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), "--method %s has no %s".formatted(name, String.join(", ", given)));
    }
  }
}
