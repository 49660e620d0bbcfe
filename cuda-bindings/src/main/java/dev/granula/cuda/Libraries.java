package dev.granula.cuda;

import dev.granula.tensor.DeviceException;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Finds and loads the CUDA driver, cuBLAS and NVRTC once in a JVM. Each is looked for, in this
 * order, where {@code -Dgranula.cuda.<driver|cublas|nvrtc>} or {@code GRANULA_CUDA_<...>} says;
 * under its usual names, newest first, by the system's own search; in the folders of {@code
 * -Dgranula.cuda.libdir} or {@code GRANULA_CUDA_LIBDIR} and in the usual ones.
 */
final class Libraries {
  private static final List<String> FOLDERS =
      List.of(
          "/usr/local/cuda/targets/x86_64-linux/lib",
          "/usr/local/cuda/targets/sbsa-linux/lib",
          "/usr/lib/x86_64-linux-gnu",
          "/usr/lib/aarch64-linux-gnu",
          "/usr/lib64",
          "/usr/local/nvidia/lib64",
          "/usr/lib/wsl/lib");

  private static final class Holder {
    static final Libraries LIBRARIES = new Libraries(Libraries::setting);
  }

  private final Function<String, @Nullable String> settings;
  private final Map<Library, Path> found = new EnumMap<>(Library.class);
  private final Map<Library, List<String>> attempts = new EnumMap<>(Library.class);
  private final Set<Library> unusable = EnumSet.noneOf(Library.class);
  private int driverMajor = Integer.MAX_VALUE;

  /**
   * @param settings the value for a key such as {@code cublas} or {@code libdir}, null for none
   */
  Libraries(Function<String, @Nullable String> settings) {
    this.settings = settings;
    for (Library library : Library.values()) {
      List<String> tried = new ArrayList<>();
      attempts.put(library, tried);
      Path path = load(library, tried);
      if (path == null) {
        continue;
      }
      found.put(library, path);
      List<String> missing = library.missingSymbols();
      if (!missing.isEmpty()) {
        unusable.add(library);
        tried.add("%s lacks the functions %s; it is too old".formatted(path, missing));
      } else if (library == Library.DRIVER) {
        readDriverVersion(path, tried);
      }
    }
  }

  /** The toolkit's stub of the driver answers every call with an error. */
  private void readDriverVersion(Path path, List<String> tried) {
    try {
      driverMajor = Installation.driverVersion().major();
    } catch (DeviceException e) {
      unusable.add(Library.DRIVER);
      tried.add("%s: %s".formatted(path, e.getMessage()));
    }
  }

  static Libraries loaded() {
    return Holder.LIBRARIES;
  }

  /**
   * Where each library was found.
   *
   * @throws DeviceException if one is missing, cannot be loaded, lacks functions or is a stub; the
   *     first line says which, the others list every attempt
   */
  Map<Library, Path> require() {
    List<String> missing = new ArrayList<>();
    List<String> tried = new ArrayList<>();
    for (Library library : Library.values()) {
      if (!found.containsKey(library) || unusable.contains(library)) {
        missing.add(library.title + (found.containsKey(library) ? " (unusable)" : " (not found)"));
        attempts(library).forEach(attempt -> tried.add(library.key + ": " + attempt));
      }
    }
    if (!missing.isEmpty()) {
      throw new DeviceException(
          "cuda: unavailable: %s; install the NVIDIA driver, cuBLAS and NVRTC of CUDA 11.8 or later, or name their folders with -Dgranula.cuda.libdir=<folders>\n  "
                  .formatted(String.join(", ", missing))
              + String.join("\n  ", tried));
    }
    return Map.copyOf(found);
  }

  private List<String> attempts(Library library) {
    return attempts.getOrDefault(library, List.of());
  }

  /** The file of {@code library}, or what was tried. */
  String describe(Library library) {
    Path path = found.get(library);
    return path != null && !unusable.contains(library)
        ? path.toString()
        : "not available; tried: " + String.join("; ", attempts(library));
  }

  private @Nullable Path load(Library library, List<String> tried) {
    String explicit = settings.apply(library.key);
    if (explicit != null) {
      Path path = Path.of(explicit).toAbsolutePath();
      return tryLoad(library, path, tried) ? path : null;
    }
    List<String> sonames = new ArrayList<>();
    for (String soname : library.sonames) {
      if (Library.major(soname) > driverMajor) {
        tried.add(
            "%s: passed over, newer than the driver for CUDA %d".formatted(soname, driverMajor));
      } else {
        sonames.add(soname);
      }
    }
    for (String soname : sonames) {
      Path path = bySystemSearch(soname, tried);
      if (path != null && tryLoad(library, path, tried)) {
        return path;
      }
    }
    for (Path folder : folders()) {
      for (String soname : sonames) {
        Path path = folder.resolve(soname);
        if (Files.exists(path) && tryLoad(library, path, tried)) {
          return path;
        }
      }
    }
    tried.add("not in the folders %s".formatted(folders()));
    return null;
  }

  private static @Nullable String setting(String key) {
    String property = System.getProperty("granula.cuda." + key);
    return property != null
        ? property
        : System.getenv("GRANULA_CUDA_" + key.toUpperCase(Locale.ROOT));
  }

  private List<Path> folders() {
    String given = Objects.requireNonNullElse(settings.apply("libdir"), "");
    return Stream.of(
            Stream.of(given.split(File.pathSeparator))
                .filter(folder -> !folder.isEmpty())
                .map(Path::of),
            Stream.of(Path.of("/usr/local/cuda/lib64")),
            installedToolkits(),
            FOLDERS.stream().map(Path::of))
        .flatMap(folders -> folders)
        .filter(Files::isDirectory)
        .distinct()
        .toList();
  }

  /** {@code /usr/local/cuda-13.0/lib64} and its like, newest first. */
  private static Stream<Path> installedToolkits() {
    Path local = Path.of("/usr/local");
    if (!Files.isDirectory(local)) {
      return Stream.empty();
    }
    List<Path> folders = new ArrayList<>();
    try (DirectoryStream<Path> toolkits = Files.newDirectoryStream(local, "cuda-[0-9]*")) {
      toolkits.forEach(toolkit -> folders.add(toolkit.resolve("lib64")));
    } catch (IOException e) {
      return Stream.empty();
    }
    return folders.stream().sorted(Comparator.reverseOrder());
  }

  /**
   * The file that the system's loader takes for {@code soname}. The bindings see only what was
   * loaded by path, and the process's own map of memory knows the path.
   */
  @SuppressWarnings("restricted")
  private static @Nullable Path bySystemSearch(String soname, List<String> tried) {
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup.libraryLookup(soname, arena);
      Path path = mapped(Files.readAllLines(Path.of("/proc/self/maps")), soname);
      if (path == null) {
        tried.add("%s: the system's loader has it, but /proc/self/maps does not".formatted(soname));
      }
      return path;
    } catch (IllegalArgumentException | IOException e) {
      tried.add("%s: not found by the system's loader".formatted(soname));
      return null;
    }
  }

  /**
   * The file of {@code soname} among the lines of a map of memory. There stands what the links lead
   * to: {@code libcuda.so.1} is {@code libcuda.so.580.65.06}, {@code libnvrtc.so.11.2} is {@code
   * libnvrtc.so.11.8.89}.
   */
  static @Nullable Path mapped(List<String> map, String soname) {
    String anyVersion = soname.replaceFirst("\\.so.*", ".so");
    return Stream.of(soname, anyVersion)
        .flatMap(
            prefix ->
                map.stream()
                    .filter(line -> line.contains("/"))
                    .map(line -> Path.of(line.substring(line.indexOf('/'))))
                    .filter(path -> path.getFileName().toString().startsWith(prefix)))
        .findFirst()
        .orElse(null);
  }

  @SuppressWarnings("restricted")
  private boolean tryLoad(Library library, Path path, List<String> tried) {
    try {
      for (Path companion : companions(library, path)) {
        System.load(companion.toString());
      }
      System.load(path.toString());
      return true;
    } catch (UnsatisfiedLinkError | IOException e) {
      tried.add("%s: %s".formatted(path, e.getMessage()));
      return false;
    }
  }

  private static List<Path> companions(Library library, Path path) throws IOException {
    List<Path> companions = new ArrayList<>();
    Path folder = path.getParent();
    if (library.companion.isEmpty() || folder == null) {
      return companions;
    }
    String version = path.getFileName().toString().replaceFirst("^[^.]*\\.so", "");
    String major = version.isEmpty() ? "*" : version.replaceFirst("^(\\.\\d+).*", "$1") + "*";
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(folder, library.companion + major)) {
      files.forEach(companions::add);
    }
    return companions.stream().sorted().limit(1).toList();
  }
}
