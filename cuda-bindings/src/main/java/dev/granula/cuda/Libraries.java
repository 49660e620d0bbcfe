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
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
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
          "/usr/local/cuda/lib64",
          "/usr/local/cuda/targets/x86_64-linux/lib",
          "/usr/lib/x86_64-linux-gnu",
          "/usr/lib64");

  private static final class Holder {
    static final Libraries LIBRARIES = new Libraries(Libraries::setting);
  }

  private final Function<String, @Nullable String> settings;
  private final Map<Library, Path> found = new EnumMap<>(Library.class);
  private final List<String> attempts = new ArrayList<>();
  private boolean complete = true;

  /**
   * @param settings the value for a key such as {@code cublas} or {@code libdir}, null for none
   */
  Libraries(Function<String, @Nullable String> settings) {
    this.settings = settings;
    for (Library library : Library.values()) {
      Path path = load(library);
      if (path == null) {
        complete = false;
        continue;
      }
      found.put(library, path);
      List<String> missing = library.missingSymbols();
      if (!missing.isEmpty()) {
        complete = false;
        attempts.add("%s lacks the functions %s; it is too old".formatted(path, missing));
      }
    }
  }

  /**
   * Where each library was found.
   *
   * @throws DeviceException if one is missing, cannot be loaded or is too old; the message lists
   *     every attempt
   */
  static Map<Library, Path> require() {
    return Holder.LIBRARIES.check();
  }

  Map<Library, Path> check() {
    if (!complete) {
      throw new DeviceException(
          "cuda: unavailable; install the NVIDIA driver, cuBLAS and NVRTC, or name their folders"
              + " with -Dgranula.cuda.libdir=<folders>. Attempts:\n  "
              + String.join("\n  ", attempts));
    }
    return Map.copyOf(found);
  }

  private @Nullable Path load(Library library) {
    String explicit = settings.apply(library.key);
    if (explicit != null) {
      Path path = Path.of(explicit).toAbsolutePath();
      return tryLoad(library, path) ? path : null;
    }
    for (String soname : library.sonames) {
      Path path = bySystemSearch(soname);
      if (path != null && tryLoad(library, path)) {
        return path;
      }
    }
    for (Path folder : folders()) {
      for (String soname : library.sonames) {
        Path path = folder.resolve(soname);
        if (Files.exists(path) && tryLoad(library, path)) {
          return path;
        }
      }
      attempts.add("%s: none of %s".formatted(folder, library.sonames));
    }
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
    return Stream.concat(Stream.of(given.split(File.pathSeparator)), FOLDERS.stream())
        .filter(folder -> !folder.isEmpty())
        .map(Path::of)
        .filter(Files::isDirectory)
        .toList();
  }

  /**
   * The file that the system's loader takes for {@code soname}. The bindings see only what was
   * loaded by path, and the process's own map of memory knows the path.
   */
  @SuppressWarnings("restricted")
  private @Nullable Path bySystemSearch(String soname) {
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup.libraryLookup(soname, arena);
      try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
        return lines
            .filter(line -> line.contains("/"))
            .map(line -> Path.of(line.substring(line.indexOf('/'))))
            .filter(path -> path.getFileName().toString().startsWith(soname))
            .findFirst()
            .orElse(null);
      }
    } catch (IllegalArgumentException | IOException e) {
      attempts.add("%s: not found by the system's loader".formatted(soname));
      return null;
    }
  }

  @SuppressWarnings("restricted")
  private boolean tryLoad(Library library, Path path) {
    try {
      for (Path companion : companions(library, path)) {
        System.load(companion.toString());
      }
      System.load(path.toString());
      return true;
    } catch (UnsatisfiedLinkError | IOException e) {
      attempts.add("%s: %s".formatted(path, e.getMessage()));
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
