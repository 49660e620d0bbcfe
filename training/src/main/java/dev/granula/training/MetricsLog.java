package dev.granula.training;

import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** Writes {@code metrics.jsonl}, one object a step, each line complete on disk before the next. */
final class MetricsLog implements Closeable {
  static final String FILE = "metrics.jsonl";

  private static final JsonMapper JSON = new JsonMapper();

  private final Path file;
  private final BufferedWriter writer;

  MetricsLog(Path directory) {
    file = directory.resolve(FILE);
    try {
      writer = Files.newBufferedWriter(file);
    } catch (IOException e) {
      throw new UncheckedIOException("write " + file, e);
    }
  }

  void write(StepMetrics metrics) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("step", metrics.step());
    fields.put("loss", metrics.loss());
    fields.put("learning_rate", metrics.learningRate());
    fields.put("grad_norm", metrics.gradNorm());
    fields.put("tokens", metrics.tokens());
    fields.put("seconds", metrics.seconds());
    fields.put("tokens_per_second", metrics.tokensPerSecond());
    fields.put("resident_bytes", metrics.residentBytes());
    try {
      writer.write(JSON.writeValueAsString(fields));
      writer.write('\n');
      writer.flush();
    } catch (IOException e) {
      throw new UncheckedIOException("write " + file, e);
    }
  }

  @Override
  public void close() throws IOException {
    writer.close();
  }
}
