package dev.granula.bench.compare;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The process of one side. While the other side is measured it is stopped by a signal, so that no
 * thread of it can spin; what it answers is described in {@link dev.granula.bench.work.Program}.
 */
final class Child implements AutoCloseable {
  /** The program cannot run here because something is not installed. */
  static final class MissingException extends IOException {
    private static final long serialVersionUID = 1;

    private final String what;

    MissingException(String what) {
      super(what);
      this.what = what;
    }

    String what() {
      return what;
    }
  }

  private static final int LAST_LINES = 12;

  /** Settings of a machine that would slow a library, or choose its threads, behind our back. */
  private static final List<String> CLEARED =
      List.of(
          "OPENBLAS_CORETYPE",
          "OPENBLAS_L2_SIZE",
          "OPENBLAS_NUM_THREADS",
          "OMP_NUM_THREADS",
          "OMP_WAIT_POLICY",
          "OMP_PROC_BIND",
          "GOMP_CPU_AFFINITY",
          "KMP_AFFINITY",
          "KMP_BLOCKTIME",
          "MKL_NUM_THREADS",
          "MKL_ENABLE_INSTRUCTIONS",
          "MKL_DEBUG_CPU_TYPE",
          "ONEDNN_MAX_CPU_ISA",
          "ATEN_CPU_CAPABILITY",
          "JAVA_TOOL_OPTIONS",
          "JDK_JAVA_OPTIONS");

  private final Process process;
  private final Path log;
  private final BufferedReader answers;
  private final OutputStream requests;
  private final Map<String, String> info = new LinkedHashMap<>();
  private final List<String> parts = new ArrayList<>();

  private Child(Process process, Path log) {
    this.process = process;
    this.log = log;
    answers = process.inputReader(StandardCharsets.UTF_8);
    requests = process.getOutputStream();
  }

  /** Starts a process; what it writes to standard error goes to {@code log}. */
  static Child start(List<String> command, Path log) throws IOException {
    Files.createDirectories(log.toAbsolutePath().getParent());
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(log.toFile());
    builder.environment().keySet().removeAll(CLEARED);
    Process process = builder.start();
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    return new Child(process, log);
  }

  /** Waits until the set-up and the warm-up are over. */
  void awaitReady() throws IOException {
    for (String[] answer = read(); !answer[0].equals("ready"); answer = read()) {
      switch (answer[0]) {
        case "info" -> info.put(answer[1], answer[2]);
        case "part" -> parts.add(answer[1]);
        default -> {}
      }
    }
  }

  /** What the process said of its set-up. */
  Map<String, String> info() {
    return info;
  }

  /** What it can measure. */
  List<String> parts() {
    return parts;
  }

  /** Measures one part once. */
  Map<String, Double> measure(String part) throws IOException {
    request("measure\t" + part);
    Map<String, Double> values = new LinkedHashMap<>();
    for (String[] answer = read(); !answer[0].equals("done"); answer = read()) {
      if (answer[0].equals("value")) {
        values.put(answer[1], Double.parseDouble(answer[2]));
      }
    }
    return values;
  }

  /** Ends the process; returns the most memory that it held, in KiB. */
  long end() throws IOException, InterruptedException {
    request("end");
    String[] answer = read();
    while (!answer[0].equals("peak")) {
      answer = read();
    }
    process.waitFor();
    return Long.parseLong(answer[1]);
  }

  void pause() throws IOException, InterruptedException {
    signal("-STOP");
  }

  void resume() throws IOException, InterruptedException {
    signal("-CONT");
  }

  private void signal(String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", name, String.valueOf(process.pid())).inheritIO().start().waitFor();
  }

  private void request(String line) throws IOException {
    requests.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    requests.flush();
  }

  private String[] read() throws IOException {
    String line = answers.readLine();
    if (line == null) {
      throw new IOException("the process ended; its last lines:\n" + lastLines());
    }
    String[] fields = line.split("\t", -1);
    if (fields[0].equals("missing")) {
      throw new MissingException(fields[1]);
    }
    return fields;
  }

  private String lastLines() throws IOException {
    List<String> lines = Files.readAllLines(log);
    return String.join("\n", lines.subList(Math.max(0, lines.size() - LAST_LINES), lines.size()));
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
