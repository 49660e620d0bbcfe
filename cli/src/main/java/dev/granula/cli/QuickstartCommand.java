package dev.granula.cli;

import dev.granula.tensor.Device;
import dev.granula.training.quickstart.Quickstart;
import dev.granula.training.quickstart.QuickstartResult;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code granula quickstart}. */
@Command(
    name = "quickstart",
    description = "Fine-tunes a small embedded model and shows what it learned; needs no download.",
    sortOptions = false)
final class QuickstartCommand implements Callable<Integer> {
  private static final String DEFAULT_OUTPUT = "granula-quickstart";

  @Spec private CommandSpec spec;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      description =
          "New or empty folder for model, data and adapter (default: "
              + DEFAULT_OUTPUT
              + ", numbered if that exists).")
  private @Nullable Path output;

  @Option(
      names = "--seed",
      defaultValue = "42",
      description = "Of data order and adapter (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Mixin private DeviceOption device = new DeviceOption();

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    Path folder = output == null ? freeFolder() : output;
    try (Device opened = device.open();
        Interruption interruption = new Interruption();
        QuickstartProgress progress =
            new QuickstartProgress(out, spec.commandLine().getErr(), interruption)) {
      Optional<QuickstartResult> result =
          Quickstart.unpack(folder).withSeed(seed).run(folder, opened, progress);
      if (result.isEmpty()) {
        return Interruption.EXIT_CODE;
      }
      print(result.get(), out);
    }
    return 0;
  }

  private static Path freeFolder() {
    Path folder = Path.of(DEFAULT_OUTPUT);
    for (int number = 2; Files.exists(folder); number++) {
      folder = Path.of(DEFAULT_OUTPUT + "-" + number);
    }
    return folder;
  }

  private static void print(QuickstartResult result, PrintWriter out) {
    out.println();
    out.println("exact match on %,d held-out questions".formatted(result.base().list().size()));
    print("most frequent answer", result.base().mostFrequentShare(), out);
    print("base model", result.base().accuracy(), out);
    print("fine-tuned with GraLoRA", result.tuned().accuracy(), out);
    out.println("adapter (loads in PEFT): " + result.adapter());
    out.println("merged model, same answers: " + result.merged());
    out.flush();
  }

  private static void print(String what, double share, PrintWriter out) {
    out.println(String.format(Locale.ROOT, "  %-25s %5.1f %%", what, 100 * share));
  }
}
