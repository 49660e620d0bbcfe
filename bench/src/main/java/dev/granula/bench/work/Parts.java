package dev.granula.bench.work;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The parts of a work by name, in the order in which they were added. */
final class Parts<T> {
  private final Map<String, T> parts = new LinkedHashMap<>();

  void add(String name, T part) {
    parts.put(name, part);
  }

  List<String> names() {
    return List.copyOf(parts.keySet());
  }

  T get(String name) {
    T part = parts.get(name);
    if (part == null) {
      throw new IllegalArgumentException("unknown part '%s'; parts: %s".formatted(name, names()));
    }
    return part;
  }
}
