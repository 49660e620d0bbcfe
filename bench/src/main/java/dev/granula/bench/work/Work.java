package dev.granula.bench.work;

import java.util.List;
import java.util.Map;

/** Something that is measured again and again in one process, in parts. */
interface Work {
  List<String> parts();

  /** Measures a part once; the values by name, in the unit of their name or of the row. */
  Map<String, Double> measure(String part);

  /** What a reader of the table must know of the set-up. */
  default Map<String, String> info() {
    return Map.of();
  }
}
