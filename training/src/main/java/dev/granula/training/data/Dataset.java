package dev.granula.training.data;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The examples of a JSON lines file: each line is an object with {@code text}, or with {@code
 * prompt} and {@code completion}. Other keys are accepted and not read, blank lines are passed
 * over.
 *
 * @param name of the file, for messages
 * @param examples in the order of the file
 */
public record Dataset(String name, List<Example> examples) {
  private static final String READ = "read data";

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  public Dataset {
    examples = List.copyOf(examples);
    if (examples.isEmpty()) {
      throw new DataException(
          READ, List.of(name + ": holds no example; put one JSON object on each line"));
    }
  }

  /**
   * Reads a file in UTF-8.
   *
   * @throws DataException naming every broken line, or that there is none at all
   */
  public static Dataset read(Path file) {
    List<Example> examples = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    // Bytes pass through ISO 8859-1 unchanged, so that bad UTF-8 is a problem of its line.
    try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
      int number = 0;
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        number++;
        if (!line.isBlank()) {
          read(file, number, line.getBytes(StandardCharsets.ISO_8859_1), examples, problems);
        }
      }
    } catch (NoSuchFileException _) {
      throw new DataException(READ, List.of(file + " is not there"));
    } catch (IOException e) {
      throw new DataException(
          READ, List.of("%s: cannot be read: %s".formatted(file, e.getClass().getSimpleName())));
    }
    DataException.throwIfAny(READ, problems);
    return new Dataset(file.toString(), examples);
  }

  private static void read(
      Path file, int number, byte[] line, List<Example> examples, List<String> problems) {
    String where = "%s:%d: ".formatted(file, number);
    try {
      Object result = parse(number, JSON.readTree(line));
      if (result instanceof Example example) {
        examples.add(example);
      } else {
        problems.add(where + result);
      }
    } catch (JacksonException e) {
      problems.add(where + "not valid JSON: " + e.getOriginalMessage());
    }
  }

  /** The example, or the text of a problem. */
  private static Object parse(int number, JsonNode node) {
    if (!node.isObject()) {
      return "must be a JSON object, found " + show(node);
    }
    boolean pair = node.has("prompt") || node.has("completion");
    if (node.has("text") == pair) {
      return "needs either `text` or `prompt` and `completion`, found " + node.propertyNames();
    }
    for (String key : pair ? List.of("prompt", "completion") : List.of("text")) {
      String problem = check(key, node.get(key));
      if (problem != null) {
        return problem;
      }
    }
    return pair
        ? new Example.Completion(
            number, node.get("prompt").stringValue(), node.get("completion").stringValue())
        : new Example.Text(number, node.get("text").stringValue());
  }

  private static @Nullable String check(String key, @Nullable JsonNode value) {
    if (value == null) {
      return "`%s` is missing".formatted(key);
    }
    return value.isString() ? null : "`%s` must be a string, found %s".formatted(key, show(value));
  }

  private static String show(JsonNode node) {
    String text = node.toString();
    return text.length() <= 40 ? text : text.substring(0, 40) + "...";
  }

  public int size() {
    return examples.size();
  }

  /** The first {@code count} examples. */
  public Dataset first(int count) {
    return new Dataset(name, examples.subList(0, Math.min(count, size())));
  }
}
