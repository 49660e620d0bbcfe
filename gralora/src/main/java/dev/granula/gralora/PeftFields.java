package dev.granula.gralora;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The fields of an {@code adapter_config.json} while they are read. A field that this project does
 * not know is accepted only in a state that asks for nothing (null, false, empty); everything else
 * is refused by name, and all problems are reported together by {@link #finish}.
 */
final class PeftFields {
  /** Fields that say something about the file, not about the adapter's arithmetic. */
  private static final Set<String> DESCRIPTIVE =
      Set.of(
          "peft_type",
          "peft_version",
          "auto_mapping",
          "base_model_name_or_path",
          "revision",
          "inference_mode",
          "task_type",
          "runtime_config");

  private final String source;
  private final JsonNode json;
  private final List<String> problems = new ArrayList<>();
  private final Set<String> read = new HashSet<>(DESCRIPTIVE);

  PeftFields(String source, JsonNode json) {
    this.source = source;
    this.json = json;
    accept("bias", "none");
  }

  boolean has(String name) {
    return json.has(name);
  }

  private @Nullable JsonNode value(String name) {
    read.add(name);
    JsonNode node = json.get(name);
    return node == null || node.isNull() ? null : node;
  }

  int integer(String name, int fallback) {
    JsonNode node = value(name);
    if (node == null) {
      return fallback;
    }
    if (!node.isIntegralNumber() || !node.canConvertToInt()) {
      problems.add("`%s` must be an integer, it is %s".formatted(name, node));
      return fallback;
    }
    return node.intValue();
  }

  double number(String name, double fallback) {
    JsonNode node = value(name);
    if (node == null) {
      return fallback;
    }
    if (!node.isNumber()) {
      problems.add("`%s` must be a number, it is %s".formatted(name, node));
      return fallback;
    }
    return node.doubleValue();
  }

  boolean bool(String name, boolean fallback) {
    JsonNode node = value(name);
    if (node == null) {
      return fallback;
    }
    if (!node.isBoolean()) {
      problems.add(
          "`%s` must be true or false, it is %s, which is not supported".formatted(name, node));
      return fallback;
    }
    return node.booleanValue();
  }

  /**
   * A choice of initial values that are overwritten when weights are loaded: its name does not
   * matter.
   */
  boolean initialisation(String name, boolean fallback, Set<String> harmless) {
    JsonNode node = json.get(name);
    if (node != null && node.isString() && harmless.contains(node.stringValue())) {
      read.add(name);
      return true;
    }
    return bool(name, fallback);
  }

  /** Takes a field that is supported with one value only. */
  void accept(String name, Object only) {
    JsonNode node = value(name);
    if (node != null && !node.asString().equals(only.toString())) {
      problems.add("`%s` is %s; only %s is supported".formatted(name, node, only));
    }
  }

  Targets targets() {
    return new Targets(
        selection(), integers("layers_to_transform"), List.copyOf(strings("layers_pattern")));
  }

  private Targets.Selection selection() {
    JsonNode node = value("target_modules");
    if (node == null) {
      return new Targets.Selection.ArchitectureDefault();
    }
    if (node.isString()) {
      return node.stringValue().equalsIgnoreCase("all-linear")
          ? new Targets.Selection.AllLinear()
          : new Targets.Selection.Regex(node.stringValue());
    }
    return new Targets.Selection.Names(new TreeSet<>(strings("target_modules")));
  }

  private List<String> strings(String name) {
    List<String> result = new ArrayList<>();
    for (JsonNode element : elements(name)) {
      if (element.isString()) {
        result.add(element.stringValue());
      } else {
        problems.add("`%s` must hold strings, it has %s".formatted(name, element));
      }
    }
    return result;
  }

  private List<Integer> integers(String name) {
    List<Integer> result = new ArrayList<>();
    for (JsonNode element : elements(name)) {
      if (element.canConvertToInt()) {
        result.add(element.intValue());
      } else {
        problems.add("`%s` must hold integers, it has %s".formatted(name, element));
      }
    }
    return result;
  }

  private List<JsonNode> elements(String name) {
    JsonNode node = value(name);
    if (node == null) {
      return List.of();
    }
    return node.isArray() ? List.copyOf(node.values()) : List.of(node);
  }

  /** Reports every problem found so far and every field left over that asks for something. */
  void finish() {
    for (Map.Entry<String, JsonNode> field : json.properties()) {
      JsonNode value = field.getValue();
      boolean asksNothing =
          value.isNull()
              || value.isContainer() && value.isEmpty()
              || value.isBoolean() && !value.booleanValue();
      if (!read.contains(field.getKey()) && !asksNothing) {
        problems.add("`%s` = %s is not supported".formatted(field.getKey(), value));
      }
    }
    AdapterException.throwIfAny("read " + source, problems);
  }

  /** Whole numbers without a decimal point, as PEFT writes its integer fields. */
  static Object number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15 ? (Object) (long) value : value;
  }
}
