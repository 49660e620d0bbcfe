package dev.granula.bench.work;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * One side of a comparison: {@code Program <work> name=value...}. It measures for {@code warmup}
 * seconds, everything at least once, says {@code ready}, then measures one part per line on
 * standard input. At its end it says the most memory that the process held. Lines are fields
 * between tabs; {@code bench/peers/protocol.py} is the same in Python.
 */
public final class Program {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final String MEASURE = "measure\t";
  private static final String PEAK = "VmHWM:";

  private Program() {}

  public static void main(String[] args) throws IOException {
    Options options = Options.parse(Arrays.asList(args).subList(1, args.length));
    try {
      serve(create(args[0], options), options, System.out);
    } catch (UnsatisfiedLinkError e) {
      say(System.out, "missing", "no OpenBLAS for this platform: " + e.getMessage());
    }
    // OpenBLAS and device threads need no orderly end.
    System.exit(0);
  }

  private static Work create(String name, Options options) {
    return switch (name) {
      case "step" -> new StepWork(options);
      case "products" -> new ProductWork(options);
      case "openblas" -> new OpenBlasWork(options);
      case "attention" -> new AttentionWork(options);
      case "layer" -> new LayerWork(options);
      case "decode" -> new DecodeWork(options);
      case "growth" -> new GrowthWork(options);
      default -> throw new IllegalArgumentException("unknown work: " + name);
    };
  }

  private static void serve(Work work, Options options, PrintStream out) throws IOException {
    long end = System.nanoTime() + options.number("warmup", 0) * 1_000_000_000L;
    do {
      work.parts().forEach(work::measure);
    } while (System.nanoTime() - end < 0);
    work.info().forEach((name, value) -> say(out, "info", name, value));
    work.parts().forEach(part -> say(out, "part", part));
    say(out, "ready");
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    String line = in.readLine();
    while (line != null && line.startsWith(MEASURE)) {
      work.measure(line.substring(MEASURE.length()))
          .forEach((name, value) -> say(out, "value", name, String.valueOf(value)));
      say(out, "done");
      line = in.readLine();
    }
    say(out, "peak", String.valueOf(peakKib()));
  }

  private static void say(PrintStream out, String... fields) {
    out.println(String.join("\t", fields));
    out.flush();
  }

  /** The most physical memory that this process has held, or -1 where the system does not say. */
  private static long peakKib() throws IOException {
    if (!Files.isReadable(STATUS)) {
      return -1;
    }
    List<String> lines = Files.readAllLines(STATUS);
    return lines.stream()
        .filter(line -> line.startsWith(PEAK))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElse(-1);
  }
}
