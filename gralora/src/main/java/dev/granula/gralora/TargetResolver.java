package dev.granula.gralora;

import dev.granula.nn.Layer;
import dev.granula.nn.Linear;
import dev.granula.nn.Module;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Finds the layers that {@link Targets} name, as PEFT's {@code check_target_module_exists} does.
 */
final class TargetResolver {
  private static final int SUGGESTIONS = 3;
  private static final String BASE_LAYER = "." + Adapters.BASE_LAYER;

  private TargetResolver() {}

  /**
   * The linear layers selected, by path as it was before any adapter.
   *
   * @throws AdapterException if nothing matches, naming the nearest names
   */
  static Map<String, Linear> resolve(Module model, @Nullable String modelType, Targets targets) {
    Map<String, Linear> linears = linears(model);
    Targets.Selection selection = targets.selection();
    if (selection instanceof Targets.Selection.ArchitectureDefault) {
      selection = architectureDefault(modelType);
    }
    Map<String, Linear> result = new LinkedHashMap<>();
    for (Map.Entry<String, Linear> entry : linears.entrySet()) {
      boolean head = isHead(model, entry.getValue());
      if (matches(selection, targets, entry.getKey(), head)) {
        result.put(entry.getKey(), entry.getValue());
      }
    }
    if (result.isEmpty()) {
      throw new AdapterException("find targets", noMatch(selection, targets, linears.keySet()));
    }
    return result;
  }

  /**
   * Every name must name something: PEFT passes over names without a match, which hides
   * misspellings.
   *
   * @throws AdapterException naming each name without a linear layer, and the nearest names
   */
  static void requireEveryName(Module model, Targets targets) {
    if (!(targets.selection() instanceof Targets.Selection.Names(Set<String> names))) {
      return;
    }
    Set<String> linears = linears(model).keySet();
    Set<String> modules = model.namedModules().keySet();
    List<String> problems = new ArrayList<>();
    for (String name : names) {
      if (linears.stream().noneMatch(path -> isNamed(path, name))) {
        problems.add(
            modules.stream().anyMatch(path -> isNamed(path, name))
                ? "target module %s is no linear layer".formatted(name)
                : "target module %s matches no layer; nearest names: %s"
                    .formatted(name, String.join(", ", nearest(Set.of(name), linears))));
      }
    }
    AdapterException.throwIfAny("find targets", problems);
  }

  private static boolean isNamed(String path, String name) {
    return path.equals(name) || path.endsWith("." + name);
  }

  /** All linear layers by path, adapted ones under the path that they had before. */
  static Map<String, Linear> linears(Module model) {
    Map<String, Linear> linears = new LinkedHashMap<>();
    model
        .namedModules()
        .forEach(
            (path, module) -> {
              if (module instanceof Linear linear) {
                linears.put(
                    path.endsWith(BASE_LAYER)
                        ? path.substring(0, path.length() - BASE_LAYER.length())
                        : path,
                    linear);
              }
            });
    return linears;
  }

  private static boolean isHead(Module model, Linear linear) {
    Layer head = model.outputHead().orElse(null);
    return head == linear || head instanceof AdaptedLinear adapted && adapted.base() == linear;
  }

  private static boolean matches(
      Targets.Selection selection, Targets targets, String path, boolean head) {
    return switch (selection) {
      case Targets.Selection.AllLinear() -> !head;
      case Targets.Selection.Regex(String pattern) -> compile(pattern).matcher(path).matches();
      case Targets.Selection.Names(Set<String> names) ->
          names.contains(path)
              || names.stream().anyMatch(name -> path.endsWith("." + name))
                  && layerAllowed(targets, path);
      case Targets.Selection.ArchitectureDefault() ->
          throw new IllegalStateException("the architecture's default was resolved before");
    };
  }

  private static Pattern compile(String pattern) {
    try {
      return Pattern.compile(pattern);
    } catch (PatternSyntaxException e) {
      throw new AdapterException(
          "find targets", "the regular expression does not parse: " + e.getMessage());
    }
  }

  /** The layer number is the first number after at least two path parts, or after a named list. */
  private static boolean layerAllowed(Targets targets, String path) {
    if (targets.layersToTransform().isEmpty()) {
      return true;
    }
    List<String> patterns =
        targets.layersPattern().isEmpty()
            ? List.of(".*?\\.[^.]*\\.(\\d+)\\.")
            : targets.layersPattern().stream().map(p -> ".*?\\." + p + "\\.(\\d+)\\.").toList();
    for (String pattern : patterns) {
      Matcher matcher = compile(pattern).matcher(path);
      if (matcher.lookingAt()) {
        return targets.layersToTransform().contains(Integer.valueOf(matcher.group(1)));
      }
    }
    return false;
  }

  private static Targets.Selection architectureDefault(@Nullable String modelType) {
    JsonNode defaults = defaults();
    JsonNode entry = modelType == null ? null : defaults.get(modelType);
    if (entry == null) {
      throw new AdapterException(
          "find targets",
          "there are no default targets for model_type %s; name `target_modules`"
              .formatted(modelType));
    }
    if (entry.isString()) {
      return new Targets.Selection.Regex(entry.stringValue());
    }
    Set<String> names = new TreeSet<>();
    entry.values().forEach(name -> names.add(name.stringValue()));
    return new Targets.Selection.Names(names);
  }

  private static JsonNode defaults() {
    try (InputStream in = TargetResolver.class.getResourceAsStream("default-targets.json")) {
      return new JsonMapper().readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String noMatch(Targets.Selection selection, Targets targets, Set<String> paths) {
    String message = "%s match no linear layer".formatted(describe(selection));
    if (!targets.layersToTransform().isEmpty()) {
      message += " in layers %s".formatted(targets.layersToTransform());
    }
    if (!targets.layersPattern().isEmpty()) {
      message += " of %s".formatted(targets.layersPattern());
    }
    Set<String> wanted =
        selection instanceof Targets.Selection.Names(Set<String> names) ? names : Set.of();
    return message + "; nearest names: " + String.join(", ", nearest(wanted, paths));
  }

  private static String describe(Targets.Selection selection) {
    return switch (selection) {
      case Targets.Selection.Names(Set<String> names) -> "target modules " + names;
      case Targets.Selection.Regex(String pattern) -> "target expression " + pattern;
      case Targets.Selection.AllLinear() -> "all linear layers but the head";
      case Targets.Selection.ArchitectureDefault() -> "the architecture's default targets";
    };
  }

  /**
   * The last parts of {@code paths}, those nearest to {@code wanted} first; all if that is empty.
   */
  private static List<String> nearest(Set<String> wanted, Set<String> paths) {
    Set<String> names = new TreeSet<>();
    paths.forEach(path -> names.add(last(path)));
    List<String> sorted = new ArrayList<>(names);
    if (wanted.isEmpty()) {
      return sorted;
    }
    sorted.sort(
        Comparator.comparingInt(
            name -> wanted.stream().mapToInt(w -> distance(last(w), name)).min().orElse(0)));
    return sorted.subList(0, Math.min(SUGGESTIONS, sorted.size()));
  }

  private static String last(String path) {
    return path.substring(path.lastIndexOf('.') + 1);
  }

  /** Levenshtein distance. */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(change, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
