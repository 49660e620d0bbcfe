package dev.granula.bench.compare;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.ObjectMapper;

/**
 * {@code bench/compare}: our side and a peer of every row in turn, and one table of what came out.
 * Ends with 0 when the table is complete, whatever it says; with 1 when a process failed; with 2
 * for wrong use.
 */
public final class Compare {
  private static final String PROBE =
      "import torch, transformers, peft; "
          + "print('torch', torch.__version__, 'transformers', transformers.__version__, "
          + "'peft', peft.__version__)";

  private final Settings settings;
  private final Optional<String> peers;
  private final Table table = new Table();
  private final List<Object> history = new ArrayList<>();
  private final Map<String, String> info = new LinkedHashMap<>();
  private boolean failed;
  private boolean finished;

  private Compare(Settings settings) {
    this.settings = settings;
    peers = Machine.output(List.of(settings.python(), "-c", PROBE));
  }

  /**
   * The script gives the repository, our JVM's options and the interpreter as system properties.
   */
  public static void main(String[] args) throws InterruptedException {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    Settings settings;
    try {
      settings =
          Settings.parse(
              Path.of(System.getProperty("bench.root", ".")),
              Arrays.asList(System.getProperty("bench.jvm", "").strip().split("\\s+")),
              System.getProperty("bench.python", "python3"),
              List.of(args));
    } catch (IllegalArgumentException e) {
      System.err.println("bench/compare: " + e.getMessage());
      System.err.println(Settings.USAGE);
      System.exit(2);
      return;
    }
    if (settings.list()) {
      settings.chosen().forEach(row -> out.printf("%-20s%s%n", row.name(), row.title()));
      return;
    }
    Compare compare = new Compare(settings);
    // Ctrl-C, or a run that is ended from outside, keeps the rows that it has.
    Runtime.getRuntime().addShutdownHook(new Thread(() -> compare.finish(out, false)));
    compare.run();
    System.exit(compare.finish(out, true) ? 0 : 1);
  }

  private void run() throws InterruptedException {
    for (Row row : settings.chosen()) {
      Side peer = row.peer();
      if (peer != null && peer.kind() == Side.Kind.PYTHON && peers.isEmpty()) {
        addNote(row, "%s lacks bench/peers/requirements.txt".formatted(settings.python()));
        continue;
      }
      System.err.printf("%s: %s ...%n", row.name(), row.title());
      try {
        add(new Comparison(settings, row).run());
      } catch (Child.MissingException e) {
        addNote(row, e.what());
      } catch (IOException e) {
        addFailure(row, e);
      }
    }
  }

  private synchronized void add(Result result) {
    table.add(result);
    history.add(result.toJson());
    info.putAll(result.info());
    if (settings.details()) {
      printDetails(result);
    }
  }

  private synchronized void addNote(Row row, String note) {
    table.add(row, note);
  }

  private synchronized void addFailure(Row row, IOException e) {
    if (!finished) {
      failed = true;
      table.add(row, "failed, see " + settings.log(row, "*"));
      System.err.printf("%s: %s%n", row.name(), e.getMessage());
    }
  }

  /** Prints and records what there is, once; false where a row failed or was not written down. */
  private synchronized boolean finish(PrintStream out, boolean complete) {
    if (finished) {
      return !failed;
    }
    finished = true;
    print(out);
    if (!complete) {
      out.println("Ended early: rows that are not here were not measured.");
    }
    try {
      record(complete);
    } catch (IOException e) {
      failed = true;
      System.err.printf("bench/compare: cannot write %s: %s%n", settings.history(), e);
    }
    return !failed;
  }

  private static void printDetails(Result result) {
    for (String key : result.ours().keys()) {
      double ours = result.ours().median(key);
      System.err.printf("  %-26s %s", key, Table.number(ours));
      if (result.hasPeer()) {
        double peer = result.peer().median(key);
        System.err.printf("  %s  %s", Table.number(peer), Table.number(ours / peer));
      }
      System.err.printf(" %s%n", result.row().unit());
    }
  }

  private void print(PrintStream out) {
    out.println(
        "%d rounds in turn, %d threads each%s"
            .formatted(
                settings.rounds(),
                settings.threads(),
                settings.quick() ? "; QUICK: too few rounds and half the warm-up" : ""));
    out.println(String.join(", ", Machine.describe(settings.root()).values()));
    out.println("ours: " + String.join(" ", settings.jvm()));
    out.println("peer: " + peers.orElse("none, " + settings.python() + " lacks its packages"));
    info.forEach((name, value) -> out.println(name + ": " + value));
    out.println();
    out.println(table);
  }

  private void record(boolean complete) throws IOException {
    Map<String, Object> run = new LinkedHashMap<>();
    run.put("time", Instant.now().toString());
    run.putAll(Machine.describe(settings.root()));
    run.put("jvm", String.join(" ", settings.jvm()));
    run.put("peers", peers.orElse("none"));
    run.put("threads", settings.threads());
    run.put("rounds", settings.rounds());
    run.put("quick", settings.quick());
    run.put("complete", complete);
    run.put("rows", history);
    Files.writeString(
        settings.history(),
        new ObjectMapper().writeValueAsString(run) + "\n",
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
  }
}
