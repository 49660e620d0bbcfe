package dev.granula.bench.compare;

import dev.granula.bench.Statistics;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The values of one side of a row, per round, and the most memory that its process held. */
final class Samples {
  private final Map<String, List<Double>> values = new LinkedHashMap<>();
  private long peakKib = -1;

  void add(Map<String, Double> round) {
    round.forEach((key, value) -> values.computeIfAbsent(key, _ -> new ArrayList<>()).add(value));
  }

  /** Of several processes the largest counts. */
  void addPeakKib(long kib) {
    peakKib = Math.max(peakKib, kib);
  }

  long peakKib() {
    return peakKib;
  }

  List<String> keys() {
    return List.copyOf(values.keySet());
  }

  List<String> keys(String prefix) {
    return values.keySet().stream().filter(key -> key.startsWith(prefix)).toList();
  }

  double[] of(String key) {
    List<Double> found = values.get(key);
    if (found == null) {
      throw new IllegalArgumentException("no values of '%s'; there are %s".formatted(key, keys()));
    }
    return found.stream().mapToDouble(Double::doubleValue).toArray();
  }

  double median(String key) {
    return Statistics.median(of(key));
  }

  int rounds() {
    return values.values().stream().mapToInt(List::size).min().orElse(0);
  }

  Map<String, List<Double>> all() {
    return values;
  }
}
