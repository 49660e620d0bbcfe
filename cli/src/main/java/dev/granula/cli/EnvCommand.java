package dev.granula.cli;

import dev.granula.tensor.DeviceException;
import dev.granula.tensor.DeviceProvider;
import dev.granula.tensor.Devices;
import dev.granula.tensor.cpu.CpuDevice;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code granula env}. */
@Command(
    name = "env",
    description = "Prints the JDK, the processor, the vector width, the back ends and the devices.",
    sortOptions = false)
final class EnvCommand implements Callable<Integer> {
  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
  private static final String VECTOR_PREFIX = "simd-";

  /** A back end, whether this JVM can run it, and why it is chosen or not. */
  private record BackEnd(String name, boolean available, boolean chosen, String why) {
    Map<String, Object> fields() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("name", name);
      fields.put("available", available);
      fields.put("chosen", chosen);
      fields.put("why", why);
      return fields;
    }
  }

  /** A kind of device as JSON. */
  private static Map<String, Object> fields(DeviceProvider provider) {
    DeviceProvider.Status status = provider.status();
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("kind", provider.kind());
    fields.put("available", status.available());
    fields.put("why", status.reason());
    fields.putAll(status.facts());
    return fields;
  }

  @Spec private CommandSpec spec;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    List<BackEnd> backEnds = backEnds();
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("version", new Main.Version().getVersion()[0].substring("granula ".length()));
    facts.put("jdk", "%s (%s)".formatted(property("java.runtime.version"), property("java.home")));
    facts.put(
        "system",
        "%s %s, %s".formatted(property("os.name"), property("os.version"), property("os.arch")));
    facts.put("cpu", processor());
    facts.put("threads", Runtime.getRuntime().availableProcessors());
    facts.put("vector_bits", vectorBits(backEnds));
    facts.put("max_heap_bytes", Runtime.getRuntime().maxMemory());
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      facts.put("backends", backEnds.stream().map(BackEnd::fields).toList());
      facts.put("devices", Devices.providers().stream().map(EnvCommand::fields).toList());
      out.println(new JsonMapper().writeValueAsString(facts));
    } else {
      facts.forEach((name, value) -> out.println("%-15s %s".formatted(name, value)));
      backEnds.forEach(b -> out.println("%-15s %s: %s".formatted("backend", b.name(), b.why())));
      Devices.providers().forEach(provider -> print(provider, out));
    }
    out.flush();
    return 0;
  }

  private static void print(DeviceProvider provider, PrintWriter out) {
    DeviceProvider.Status status = provider.status();
    String available = status.available() ? "available" : "not available";
    out.println(
        "%-15s %s: %s: %s".formatted("device", provider.kind(), available, status.reason()));
    status.facts().forEach((name, value) -> out.println("  %-13s %s".formatted(name, value)));
  }

  private static String property(String name) {
    return System.getProperty(name, "unknown");
  }

  private static List<BackEnd> backEnds() {
    List<BackEnd> result = new ArrayList<>();
    try (CpuDevice simd = CpuDevice.simd()) {
      result.add(
          new BackEnd(simd.backend().name(), true, true, "chosen: the Vector API is loaded"));
      result.add(new BackEnd("reference", true, false, "not chosen: slower, one thread"));
    } catch (DeviceException e) {
      result.add(new BackEnd("simd", false, false, "not available: " + e.getMessage()));
      result.add(new BackEnd("reference", true, true, "chosen: the only one that runs here"));
    }
    return result;
  }

  /** 0 where no vector back end runs. */
  private static int vectorBits(List<BackEnd> backEnds) {
    return backEnds.stream()
        .map(BackEnd::name)
        .filter(name -> name.startsWith(VECTOR_PREFIX))
        .mapToInt(name -> Integer.parseInt(name.substring(VECTOR_PREFIX.length())))
        .findFirst()
        .orElse(0);
  }

  private static String processor() throws IOException {
    if (!Files.isReadable(CPU_INFO)) {
      return property("os.arch");
    }
    try (Stream<String> lines = Files.lines(CPU_INFO)) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(property("os.arch"));
    }
  }
}
