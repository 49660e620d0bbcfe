package dev.granula.bench.compare;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What came out of a row.
 *
 * @param peer {@code ours} where one process measured both
 * @param info what the programs said of their set-up
 */
record Result(Row row, Samples ours, Samples peer, Map<String, String> info) {
  boolean hasPeer() {
    return row.peer() != null;
  }

  /** For the history file. */
  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("row", row.name());
    json.put("unit", row.unit());
    List<Object> goals = new ArrayList<>();
    for (Goal goal : row.goals()) {
      Outcome outcome = goal.metric().of(ours, peer);
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("label", goal.label());
      entry.put("ours", number(outcome.ours()));
      entry.put("peer", number(outcome.peer()));
      entry.put("value", number(outcome.value()));
      entry.put("low", number(outcome.low()));
      entry.put("high", number(outcome.high()));
      entry.put("bound", goal.bound().name());
      entry.put("limit", number(goal.limit()));
      entry.put("reached", goal.isReachedBy(outcome.value()));
      goals.add(entry);
    }
    json.put("goals", goals);
    json.put("ours", side(ours));
    if (hasPeer()) {
      json.put("peer", side(peer));
    }
    json.put("info", info);
    return json;
  }

  private static Map<String, Object> side(Samples samples) {
    Map<String, Object> side = new LinkedHashMap<>();
    side.put("peak_resident_kib", samples.peakKib());
    side.put("rounds", samples.all());
    return side;
  }

  /** JSON has no NaN. */
  private static Object number(double value) {
    return Double.isFinite(value) ? value : "none";
  }
}
