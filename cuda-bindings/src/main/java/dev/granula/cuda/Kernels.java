package dev.granula.cuda;

import static dev.granula.cuda.Driver.check;

import dev.granula.cuda.bindings.cuda_h;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The kernels of one device: compiled at first use, then kept. */
final class Kernels implements AutoCloseable {
  /** Kernels share a file where they share code; a file is compiled for each set of options. */
  private record Module(String source, List<String> options) {}

  private record Function(Module module, String name) {}

  private static final Pattern INCLUDE = Pattern.compile("(?m)^#include \"(.+)\"$");

  private final Device device;
  private final CudaContext context;
  private final Installation installation;
  private final CubinCache cache;
  private final Map<String, String> resources = new HashMap<>();
  private final Map<Module, MemorySegment> modules = new HashMap<>();
  private final Map<Function, MemorySegment> functions = new HashMap<>();

  Kernels(Device device, CudaContext context, Installation installation, CubinCache cache) {
    this.device = device;
    this.context = context;
    this.installation = installation;
    this.cache = cache;
  }

  /**
   * A launch of {@code kernel} in the resource {@code file}.
   *
   * @param real the type of its arithmetic, F32 or F64
   * @param definitions macros, for example {@code TILE=32}
   */
  Launch launch(String file, String kernel, DType real, String... definitions) {
    return launchSource(
        resources.computeIfAbsent(file, Kernels::resource), kernel, real, definitions);
  }

  /** A launch of {@code kernel} in generated {@code source}. */
  synchronized Launch launchSource(
      String source, String kernel, DType real, String... definitions) {
    context.bind();
    List<String> options = new ArrayList<>();
    options.add("-DREAL=" + SourceTypes.name(real));
    for (String definition : definitions) {
      options.add("-D" + definition);
    }
    Function function = new Function(new Module(source, options), kernel);
    return new Launch(device, context, kernel, functions.computeIfAbsent(function, this::find));
  }

  private MemorySegment find(Function function) {
    MemorySegment module = modules.computeIfAbsent(function.module, this::load);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(function.name);
      return CudaContext.pointer(
          "cuModuleGetFunction " + function.name,
          out -> cuda_h.cuModuleGetFunction(out, module, name));
    }
  }

  private MemorySegment load(Module module) {
    List<String> options = new ArrayList<>(module.options);
    options.add("-arch=sm_" + context.gpu().computeCapability());
    String source = resource("common.cuh") + module.source;
    String key =
        "%s %s %s %s %s"
            .formatted(
                context.gpu().name(), installation.driver(), installation.nvrtc(), options, source);
    byte[] cubin = cache.read(key);
    if (cubin == null) {
      cubin = Compiler.compile("granula.cu", source, options);
      cache.write(key, cubin);
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment image =
          arena.allocate(cubin.length, Long.BYTES).copyFrom(MemorySegment.ofArray(cubin));
      return CudaContext.pointer("cuModuleLoadData", out -> cuda_h.cuModuleLoadData(out, image));
    }
  }

  /** The text of {@code file}, with what it includes in its place. */
  private static String resource(String file) {
    try (InputStream in = Kernels.class.getResourceAsStream(file)) {
      if (in == null) {
        throw new IllegalStateException("the resource %s is missing".formatted(file));
      }
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return INCLUDE
          .matcher(text)
          .replaceAll(include -> Matcher.quoteReplacement(resource(include.group(1))));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    modules.values().forEach(module -> check(cuda_h.cuModuleUnload(module), "cuModuleUnload"));
    modules.clear();
    functions.clear();
  }
}
