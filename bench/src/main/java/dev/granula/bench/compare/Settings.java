package dev.granula.bench.compare;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What the command was asked to do.
 *
 * @param root of the repository
 * @param jvm the JVM and its options for our side
 * @param python the interpreter of the peers
 * @param rows names of rows, empty for all
 * @param history the file that takes a line per run
 */
record Settings(
    Path root,
    List<String> jvm,
    String python,
    List<String> rows,
    int rounds,
    int threads,
    boolean quick,
    boolean list,
    boolean details,
    Path history) {
  static final String USAGE =
      """
      usage: bench/compare [options] [row ...]
        --list          names and titles of the rows
        --rounds N      rounds of ours and the peer in turn (5)
        --quick         2 rounds and half the warm-up, to see where things stand; marked as such
        --threads N     threads of each side (2)
        --details       also every value that a row measured
        --history FILE  takes one JSON line per run (bench/history.jsonl)
      PYTHON names an interpreter that has bench/peers/requirements.txt installed (python3).
      GRANULA_OPTS holds more options for our JVM, as for ./granula.""";

  private static final int ROUNDS = 5;
  private static final int QUICK_ROUNDS = 2;
  private static final int THREADS = 2;

  /** Seconds of warm-up for {@code row}. */
  int warmUpSeconds(Row row) {
    return quick ? row.warmUpSeconds() / 2 : row.warmUpSeconds();
  }

  /**
   * @param root where the script found itself
   * @param jvmOptions of the launcher
   * @throws IllegalArgumentException with a message for the user
   */
  static Settings parse(Path root, List<String> jvmOptions, String python, List<String> arguments) {
    List<String> rows = new ArrayList<>();
    int rounds = 0;
    int threads = THREADS;
    boolean quick = false;
    boolean list = false;
    boolean details = false;
    Path history = root.resolve("bench/history.jsonl");
    for (int i = 0; i < arguments.size(); i++) {
      String argument = arguments.get(i);
      switch (argument) {
        case "--list" -> list = true;
        case "--quick" -> quick = true;
        case "--details" -> details = true;
        case "--rounds" -> rounds = positive(argument, value(arguments, ++i));
        case "--threads" -> threads = positive(argument, value(arguments, ++i));
        case "--history" -> history = Path.of(value(arguments, ++i));
        default -> rows.add(name(argument));
      }
    }
    if (rounds == 0) {
      rounds = quick ? QUICK_ROUNDS : ROUNDS;
    }
    List<String> jvm = new ArrayList<>();
    jvm.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    jvm.addAll(jvmOptions);
    return new Settings(root, jvm, python, rows, rounds, threads, quick, list, details, history);
  }

  private static String value(List<String> arguments, int index) {
    if (index >= arguments.size()) {
      throw new IllegalArgumentException(arguments.get(index - 1) + " needs a value");
    }
    return arguments.get(index);
  }

  private static int positive(String option, String value) {
    if (!value.matches("[1-9][0-9]{0,5}")) {
      throw new IllegalArgumentException(option + " needs a positive number, not " + value);
    }
    return Integer.parseInt(value);
  }

  private static String name(String argument) {
    List<String> known = Rows.ALL.stream().map(Row::name).toList();
    if (!known.contains(argument)) {
      throw new IllegalArgumentException(
          "unknown row or option '%s'; rows: %s".formatted(argument, String.join(" ", known)));
    }
    return argument;
  }

  /** The rows that were asked for, in the table's order. */
  List<Row> chosen() {
    return Rows.ALL.stream().filter(row -> rows.isEmpty() || rows.contains(row.name())).toList();
  }

  List<String> command(Row row, Side side) {
    List<String> command = new ArrayList<>();
    switch (side.kind()) {
      case JAVA -> {
        command.addAll(jvm);
        command.add("-Dorg.bytedeco.javacpp.cachedir=" + root.resolve("bench/target/javacpp"));
        command.addAll(Arrays.asList("-cp", root.resolve("bench/target/lib") + "/*"));
        command.addAll(List.of("dev.granula.bench.work.Program", side.program()));
      }
      case PYTHON ->
          command.addAll(List.of(python, root.resolve("bench/peers/" + side.program()).toString()));
    }
    command.addAll(side.options());
    command.add("threads=" + threads);
    command.add("warmup=" + warmUpSeconds(row));
    return command;
  }

  Path log(Row row, String side) {
    return root.resolve("bench/target/compare/%s-%s.log".formatted(row.name(), side));
  }
}
