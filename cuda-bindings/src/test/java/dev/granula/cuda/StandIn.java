package dev.granula.cuda;

import java.io.File;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Builds the stand-in driver with g++ and points the loader at it, unless real libraries were asked
 * for. Without g++ these tests are shown as skipped, with the reason; CI installs it.
 */
final class StandIn {
  private static final class Holder {
    static final CudaDevice DEVICE = build();
  }

  private StandIn() {}

  /** For {@code EnabledIf}: whether the stand-in driver can be built here. */
  static boolean compilerIsThere() {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, "g++")));
  }

  static CudaDevice device() {
    return Holder.DEVICE;
  }

  private static CudaDevice build() {
    try {
      Path folder = Files.createDirectories(Path.of("target", "standin").toAbsolutePath());
      Path library = folder.resolve("libstandin.so");
      Path sources = Path.of("src", "test", "cpp").toAbsolutePath();
      Process compiler =
          new ProcessBuilder(
                  List.of(
                      "g++",
                      "-std=c++17",
                      "-O2",
                      "-shared",
                      "-fPIC",
                      "-DSTANDIN_SOURCE=\"%s\"".formatted(sources),
                      "-o",
                      library.toString(),
                      sources.resolve("standin.cpp").toString(),
                      "-ldl"))
              .inheritIO()
              .start();
      if (compiler.waitFor() != 0) {
        throw new IllegalStateException("g++ cannot build the stand-in driver");
      }
      for (Library part : Library.values()) {
        System.setProperty("granula.cuda." + part.key, library.toString());
      }
      System.setProperty("granula.cuda.cache", folder.resolve("cache").toString());
      return CudaDevice.open(0);
    } catch (IOException e) {
      throw new IllegalStateException("the stand-in driver needs g++", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Bytes of device memory that the driver will give out. */
  static void limit(long bytes) throws Throwable {
    function("standin_limit", FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG)).invoke(bytes);
  }

  /** Blocks of device and pinned memory that were not freed. */
  static long live() throws Throwable {
    return (long) function("standin_live", FunctionDescriptor.of(ValueLayout.JAVA_LONG)).invoke();
  }

  private static MethodHandle function(String name, FunctionDescriptor descriptor) {
    return Linker.nativeLinker()
        .downcallHandle(SymbolLookup.loaderLookup().findOrThrow(name), descriptor);
  }
}
