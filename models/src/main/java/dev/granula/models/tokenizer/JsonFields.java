package dev.granula.models.tokenizer;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * One JSON object being read: typed getters that note a problem and go on with a neutral value, and
 * a memory of the fields that were asked for, so that {@link #refuseUnread} can name the rest.
 */
final class JsonFields {
  private static final int SHOWN_CHARS = 80;

  private final String where;
  private final JsonNode node;
  private final Problems problems;
  private final Set<String> read = new HashSet<>();

  /**
   * @param where how messages name this object, such as {@code tokenizer.json: model}
   * @param node a node; one that is not an object is a problem and reads as an empty object
   */
  JsonFields(String where, JsonNode node, Problems problems) {
    this.where = where;
    this.node = node;
    this.problems = problems;
    if (!node.isObject()) {
      problems.add(where, "must be an object, found " + show(node));
    }
  }

  String where(String name) {
    return where.endsWith(".json") ? where + ": " + name : where + "." + name;
  }

  Problems problems() {
    return problems;
  }

  /** The field's node, or null where it is absent or JSON null. */
  @Nullable JsonNode node(String name) {
    read.add(name);
    JsonNode value = node.get(name);
    return value == null || value.isNull() ? null : value;
  }

  boolean bool(String name, boolean fallback) {
    JsonNode value = node(name);
    if (value == null) {
      return fallback;
    }
    if (!value.isBoolean()) {
      problem(name, "must be true or false, found " + show(value));
      return fallback;
    }
    return value.booleanValue();
  }

  /** A string, or null where the field is absent or null. */
  @Nullable String text(String name) {
    JsonNode value = node(name);
    if (value == null) {
      return null;
    }
    if (!value.isString()) {
      problem(name, "must be a string, found " + show(value));
      return null;
    }
    return value.stringValue();
  }

  String requiredText(String name) {
    String value = text(name);
    if (value == null && node.get(name) == null) {
      problem(name, "is missing");
    }
    return value == null ? "" : value;
  }

  /** A nested object, or null where the field is absent or null. */
  @Nullable JsonFields object(String name) {
    JsonNode value = node(name);
    return value == null ? null : new JsonFields(where(name), value, problems);
  }

  /** The elements of a list, none where the field is absent or null. */
  List<JsonNode> list(String name) {
    JsonNode value = node(name);
    if (value == null) {
      return List.of();
    }
    if (!value.isArray()) {
      problem(name, "must be a list, found " + show(value));
      return List.of();
    }
    return List.copyOf(value.values());
  }

  /** The elements of a list of objects. */
  List<JsonFields> objects(String name) {
    List<JsonNode> elements = list(name);
    return IntStream.range(0, elements.size())
        .mapToObj(i -> new JsonFields(where(name) + "[" + i + "]", elements.get(i), problems))
        .toList();
  }

  /** A token id, or -1 after noting why it is none. */
  int tokenId(String name) {
    JsonNode value = node(name);
    if (value == null) {
      problem(name, "is missing");
      return -1;
    }
    return tokenId(where(name), value, problems);
  }

  static int tokenId(String where, JsonNode value, Problems problems) {
    boolean fits = value.isIntegralNumber() && value.canConvertToInt();
    if (!fits || value.intValue() < 0 || value.intValue() > Vocabulary.MAX_ID) {
      problems.add(
          where, "must be an id from 0 to " + Vocabulary.MAX_ID + ", found " + show(value));
      return -1;
    }
    return value.intValue();
  }

  void problem(String name, String problem) {
    problems.add(where(name), problem);
  }

  void unsupported(String name, Object found, String supported) {
    problem(name, "found " + found + ", supported: " + supported);
  }

  /** Names fields that do not change what Granula computes. */
  void ignore(String... names) {
    read.addAll(List.of(names));
  }

  /** Notes every field that nobody asked for: what it means is not known here. */
  void refuseUnread() {
    for (String name : node.propertyNames()) {
      if (!read.contains(name)) {
        unsupported(name, show(node.get(name)), "no such field");
      }
    }
  }

  static String show(JsonNode value) {
    String text = value.toString();
    return text.length() <= SHOWN_CHARS ? text : text.substring(0, SHOWN_CHARS) + "...";
  }
}
