package dev.granula.bench.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Results as a table of Markdown, aligned to be read as it is. */
final class Table {
  private static final long KIB_PER_MIB = 1024;

  private static final List<String> HEAD =
      List.of(
          "row", "figure", "ours", "peer", "ratio", "spread", "MiB ours/peer", "wanted", "reached");

  private final List<List<String>> lines = new ArrayList<>();

  Table() {
    lines.add(HEAD);
  }

  /** One line per goal of the row. */
  void add(Result result) {
    for (Goal goal : result.row().goals()) {
      Outcome outcome = goal.metric().of(result.ours(), result.peer());
      String what = outcome.what().isEmpty() ? "" : " (" + outcome.what() + ")";
      lines.add(
          List.of(
              result.row().name(),
              goal.label() + what,
              value(outcome.ours(), result.row().unit(), goal),
              value(outcome.peer(), result.row().unit(), goal),
              number(outcome.value()),
              spread(outcome),
              memory(result),
              wanted(goal),
              goal.bound() == Goal.Bound.NONE
                  ? "-"
                  : goal.isReachedBy(outcome.value()) ? "yes" : "NO"));
    }
  }

  /** A row that was not measured; it is shown and not counted. */
  void add(Row row, String reason) {
    lines.add(List.of(row.name(), reason, "-", "-", "-", "-", "-", "-", "not counted"));
  }

  private static String value(double value, String unit, Goal goal) {
    boolean memory = goal.metric() instanceof Metric.PeakMemory;
    return number(value) + (memory ? " MiB" : " " + unit);
  }

  /** Three digits that count, without an exponent. */
  static String number(double value) {
    double size = Math.abs(value);
    int digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.0995 ? 2 : 4;
    return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%." + digits + "f", value);
  }

  private static String spread(Outcome outcome) {
    return Double.isNaN(outcome.low())
        ? "-"
        : number(outcome.low()) + " to " + number(outcome.high());
  }

  private static String memory(Result result) {
    return mib(result.ours()) + (result.hasPeer() ? "/" + mib(result.peer()) : "");
  }

  private static String mib(Samples samples) {
    return samples.peakKib() < 0 ? "-" : String.valueOf(samples.peakKib() / KIB_PER_MIB);
  }

  private static String wanted(Goal goal) {
    return switch (goal.bound()) {
      case AT_LEAST -> "at least " + goal.limit();
      case AT_MOST -> "at most " + goal.limit();
      case NONE -> "-";
    };
  }

  @Override
  public String toString() {
    int[] widths = new int[HEAD.size()];
    for (List<String> line : lines) {
      for (int c = 0; c < widths.length; c++) {
        widths[c] = Math.max(widths[c], line.get(c).length());
      }
    }
    List<String> text = new ArrayList<>();
    for (List<String> line : lines) {
      List<String> cells = new ArrayList<>();
      for (int c = 0; c < widths.length; c++) {
        cells.add(line.get(c) + " ".repeat(widths[c] - line.get(c).length()));
      }
      text.add("| " + String.join(" | ", cells) + " |");
      if (text.size() == 1) {
        text.add(
            cells.stream()
                .map(cell -> "-".repeat(cell.length()))
                .collect(Collectors.joining(" | ", "| ", " |")));
      }
    }
    return String.join("\n", text);
  }
}
