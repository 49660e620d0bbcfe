package dev.granula.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * {@code --config FILE}: a JSON object of option names (without the dashes) and values. Its options
 * are put into the command line where the command line itself does not have them.
 */
final class ConfigFile {
  private static final String OPTION = "--config";

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private final CommandLine command;
  private final Path file;
  private final List<String> problems = new ArrayList<>();

  private ConfigFile(CommandLine command, Path file) {
    this.command = command;
    this.file = file;
  }

  /**
   * The arguments with those of the configuration file.
   *
   * @throws ParameterException naming every key that is unknown and every value of a wrong kind
   */
  static String[] expand(CommandLine root, String... args) {
    // Options of the root, such as --stacktrace, may stand before the command; they have no values.
    int first = 0;
    while (first < args.length && !root.getSubcommands().containsKey(args[first])) {
      first++;
    }
    CommandLine command = first == args.length ? null : root.getSubcommands().get(args[first]);
    String file = command == null ? null : value(first + 1, args);
    if (command == null || file == null || option(command, OPTION) == null) {
      return args;
    }
    return new ConfigFile(command, Path.of(file)).expand(first + 1, args);
  }

  private static @Nullable String value(int from, String... args) {
    for (int i = from; i < args.length; i++) {
      if (args[i].startsWith(OPTION + "=")) {
        return args[i].substring(OPTION.length() + 1);
      }
      if (args[i].equals(OPTION) && i + 1 < args.length) {
        return args[i + 1];
      }
    }
    return null;
  }

  private static @Nullable OptionSpec option(CommandLine command, String name) {
    return command.getCommandSpec().optionsMap().get(name);
  }

  private String[] expand(int at, String... args) {
    Map<String, String> fromFile = read();
    List<String> given = Arrays.stream(args).map(arg -> arg.replaceFirst("=.*", "")).toList();
    fromFile.keySet().removeAll(given);
    if (given.contains("--steps") || given.contains("--epochs")) {
      // Each excludes the other, and the command line decides.
      fromFile.keySet().removeAll(List.of("--steps", "--epochs"));
    }
    List<String> expanded = new ArrayList<>(List.of(args));
    expanded.addAll(at, fromFile.values());
    return expanded.toArray(String[]::new);
  }

  /** Arguments by option. */
  private Map<String, String> read() {
    Map<String, String> arguments = new TreeMap<>();
    for (Map.Entry<String, JsonNode> property : parse().properties()) {
      String name = "--" + property.getKey();
      OptionSpec spec = option(command, name);
      if (spec == null || name.equals(OPTION)) {
        problems.add("unknown key `%s`".formatted(property.getKey()));
      } else if (spec.arity().max() == 0) {
        addFlag(property, arguments);
      } else {
        addValue(property, arguments);
      }
    }
    if (!problems.isEmpty()) {
      throw problem(String.join("; ", problems));
    }
    return arguments;
  }

  private void addFlag(Map.Entry<String, JsonNode> property, Map<String, String> arguments) {
    if (!property.getValue().isBoolean()) {
      problems.add("`%s` must be true or false".formatted(property.getKey()));
    } else if (property.getValue().booleanValue()) {
      String name = "--" + property.getKey();
      arguments.put(name, name);
    }
  }

  private void addValue(Map.Entry<String, JsonNode> property, Map<String, String> arguments) {
    JsonNode value = property.getValue();
    String text =
        value.isArray()
            ? value.values().stream().map(JsonNode::asString).collect(Collectors.joining(","))
            : value.asString("");
    if (value.isNull() || value.isObject() || value.isBoolean()) {
      problems.add("`%s` must be a number or a text, found %s".formatted(property.getKey(), value));
    } else {
      arguments.put("--" + property.getKey(), "--%s=%s".formatted(property.getKey(), text));
    }
  }

  private JsonNode parse() {
    try {
      JsonNode json = JSON.readTree(Files.readAllBytes(file));
      if (json.isObject()) {
        return json;
      }
      throw problem("must hold a JSON object");
    } catch (JacksonException e) {
      throw problem("not valid JSON: " + e.getOriginalMessage());
    } catch (IOException _) {
      throw problem("cannot be read");
    }
  }

  private ParameterException problem(String text) {
    return new ParameterException(command, "%s %s: %s".formatted(OPTION, file, text));
  }
}
