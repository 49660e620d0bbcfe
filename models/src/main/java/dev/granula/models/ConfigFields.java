package dev.granula.models;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** A JSON object of a configuration: typed getters that note a problem and go on. */
final class ConfigFields {
  private static final int SHOWN_CHARS = 80;

  private final String where;
  private final JsonNode node;
  private final List<String> problems;

  /**
   * @param where how messages name this object, such as {@code config.json}
   */
  ConfigFields(String where, JsonNode node, List<String> problems) {
    this.where = where;
    this.node = node;
    this.problems = problems;
    if (!node.isObject()) {
      problems.add("%s: must be an object, found %s".formatted(where, show(node)));
    }
  }

  void problem(String name, String text) {
    problems.add("%s: %s: %s".formatted(where, name, text));
  }

  /** The field's node, or null where it is absent or JSON null. */
  @Nullable JsonNode node(String name) {
    JsonNode value = node.get(name);
    return value == null || value.isNull() ? null : value;
  }

  @Nullable ConfigFields object(String name) {
    JsonNode value = node(name);
    return value == null ? null : new ConfigFields(where + ": " + name, value, problems);
  }

  List<String> names() {
    return List.copyOf(node.propertyNames());
  }

  List<JsonNode> list(String name) {
    JsonNode value = node(name);
    if (value != null && !value.isArray()) {
      problem(name, "must be a list, found " + show(value));
    }
    return value == null ? List.of() : List.copyOf(value.values());
  }

  boolean bool(String name, boolean fallback) {
    JsonNode value = node(name);
    if (value != null && !value.isBoolean()) {
      problem(name, "must be true or false, found " + show(value));
    }
    return value == null ? fallback : value.asBoolean(fallback);
  }

  @Nullable String text(String name) {
    JsonNode value = node(name);
    if (value != null && !value.isString()) {
      problem(name, "must be a string, found " + show(value));
      return null;
    }
    return value == null ? null : value.stringValue();
  }

  int requiredInt(String name) {
    if (node(name) == null) {
      problem(name, "is missing");
      return 1;
    }
    return integer(name, 1);
  }

  int integer(String name, int fallback) {
    JsonNode value = node(name);
    if (value == null) {
      return fallback;
    }
    if (!value.isIntegralNumber() || !value.canConvertToInt()) {
      problem(name, "must be a whole number below 2^31, found " + show(value));
      return Math.max(1, fallback);
    }
    return value.intValue();
  }

  double number(String name, double fallback) {
    JsonNode value = node(name);
    if (value == null) {
      return fallback;
    }
    if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
      problem(name, "must be a number, found " + show(value));
      return fallback;
    }
    return value.doubleValue();
  }

  double requiredNumber(String name, double neutral) {
    if (node(name) == null) {
      problem(name, "is missing");
    }
    return number(name, neutral);
  }

  OptionalInt tokenId(String name) {
    return node(name) == null ? OptionalInt.empty() : OptionalInt.of(integer(name, 0));
  }

  /** One id or a list of them. */
  List<Integer> tokenIds(String name) {
    JsonNode value = node(name);
    if (value == null) {
      return List.of();
    }
    if (!value.isArray()) {
      return List.of(integer(name, 0));
    }
    List<Integer> ids = new ArrayList<>();
    for (JsonNode id : value.values()) {
      if (id.isIntegralNumber() && id.canConvertToInt()) {
        ids.add(id.intValue());
      } else {
        problem(name, "must hold token ids, found " + show(id));
      }
    }
    return ids;
  }

  static String show(JsonNode value) {
    String text = value.toString();
    return text.length() <= SHOWN_CHARS ? text : text.substring(0, SHOWN_CHARS) + "...";
  }
}
