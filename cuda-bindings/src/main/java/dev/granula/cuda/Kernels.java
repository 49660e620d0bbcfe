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
  /** Kernels share a file where they share code; a file is compiled for each set of macros. */
  private record Module(String source, DType real, List<String> definitions) {}

  private record Key(String file, String kernel, DType real, List<String> definitions) {
    /** Each launch asks for it, and the name alone tells most kernels apart. */
    @Override
    public int hashCode() {
      return kernel.hashCode();
    }
  }

  /** A kernel that was loaded. */
  record Kernel(String name, MemorySegment function) {}

  private static final Pattern INCLUDE = Pattern.compile("(?m)^#include \"(.+)\"$");

  private final CudaContext context;
  private final Installation installation;
  private final CubinCache cache;
  private final Map<String, String> resources = new HashMap<>();
  private final Map<Module, MemorySegment> modules = new HashMap<>();
  private final Map<Key, Kernel> kernels = new HashMap<>();
  private final Launch launch;

  Kernels(Device device, CudaContext context, Installation installation, CubinCache cache) {
    this.context = context;
    this.installation = installation;
    this.cache = cache;
    launch = new Launch(device, context);
  }

  /**
   * A launch of {@code kernel} in the resource {@code file}.
   *
   * @param real the type of its arithmetic, F32 or F64
   * @param definitions macros, for example {@code TILE=32}
   */
  Launch launch(String file, String kernel, DType real, String... definitions) {
    Key key = new Key(file, kernel, real, List.of(definitions));
    return launch(kernels.computeIfAbsent(key, this::load));
  }

  Launch launch(Kernel kernel) {
    context.bind();
    return launch.begin(kernel);
  }

  private Kernel load(Key key) {
    String source = resources.computeIfAbsent(key.file, Kernels::resource);
    return load(new Module(source, key.real, key.definitions), key.kernel);
  }

  /** The kernel {@code name} of generated {@code source}, for {@link #launch(Kernel)}. */
  Kernel load(String source, String name, DType real) {
    return load(new Module(source, real, List.of()), name);
  }

  private Kernel load(Module module, String name) {
    context.bind();
    MemorySegment loaded = modules.computeIfAbsent(module, this::load);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(name);
      MemorySegment function =
          CudaContext.pointer(
              "cuModuleGetFunction " + name, out -> cuda_h.cuModuleGetFunction(out, loaded, text));
      return new Kernel(name, function);
    }
  }

  private MemorySegment load(Module module) {
    List<String> options = new ArrayList<>();
    options.add("-DREAL=" + SourceTypes.name(module.real));
    module.definitions.forEach(definition -> options.add("-D" + definition));
    options.add("-arch=sm_" + context.gpu().computeCapability());
    // NVRTC of CUDA 11 takes an older standard where it is not told.
    options.add("-std=c++17");
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
    kernels.clear();
  }
}
