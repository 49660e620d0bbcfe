package dev.granula.cli;

import dev.granula.tensor.Device;
import dev.granula.training.Evaluation;
import dev.granula.training.LanguageModel;
import dev.granula.training.data.Dataset;
import dev.granula.training.data.EncodedDataset;
import dev.granula.training.data.SampleEncoder;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code granula eval}. */
@Command(
    name = "eval",
    description = "Prints loss and perplexity over the target tokens of a data set.",
    sortOptions = false)
final class EvalCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model = new ModelOptions();

  @Option(
      names = "--data",
      required = true,
      paramLabel = "FILE",
      description = "JSON lines with `text`, or with `prompt` and `completion`.")
  private Path data = Path.of("");

  @Option(
      names = "--max-length",
      description = "Longer samples are cut to this many tokens (default: none is cut).")
  private int maxLength = SampleEncoder.UNLIMITED;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Mixin private DeviceOption device = new DeviceOption();

  @Override
  public Integer call() {
    if (maxLength < 2) {
      throw new ParameterException(spec.commandLine(), "--max-length must be at least 2");
    }
    model.inputs("eval").with("--data", data).require();
    Dataset dataset = Dataset.read(data);
    try (Device opened = device.open()) {
      LanguageModel loaded = model.load(opened);
      EncodedDataset encoded = loaded.encoder().withMaxLength(maxLength).encode(dataset);
      SampleLosses.of(encoded.counts()).ifPresent(spec.commandLine().getErr()::println);
      print(Evaluation.of(loaded.network(), encoded, Evaluation.BATCH_SIZE));
    }
    return 0;
  }

  private void print(Evaluation evaluation) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("loss", evaluation.loss());
      fields.put("perplexity", evaluation.perplexity());
      fields.put("tokens", evaluation.tokens());
      out.println(new JsonMapper().writeValueAsString(fields));
    } else {
      out.println(
          String.format(
              Locale.ROOT,
              "loss %.6f, perplexity %.4f, tokens %d",
              evaluation.loss(),
              evaluation.perplexity(),
              evaluation.tokens()));
    }
    out.flush();
  }
}
