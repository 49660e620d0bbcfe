package dev.granula.cuda;

import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

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
      Process compiler =
          new ProcessBuilder("sh", "src/test/cpp/build.sh", library.toString()).inheritIO().start();
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

  /**
   * What the stand-in pretends to be, and its faults, for example {@code
   * devices=2,cuLaunchKernel=100:719}; what is not named is as usual. Closing ends it.
   */
  static Pretence pretend(String settings) {
    device();
    configure(settings);
    return () -> configure("");
  }

  /** Closed without an exception. */
  interface Pretence extends AutoCloseable {
    @Override
    void close();
  }

  private static void configure(String settings) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(settings);
      function("standin_configure", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS)).invoke(text);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Blocks of device and pinned memory that were not freed. */
  static long live() {
    return number("standin_live");
  }

  /** Bytes of device memory that were not freed. */
  static long heldBytes() {
    return number("standin_held");
  }

  /** How often the host has waited for work on the device. */
  static long waits() {
    return number("standin_waits");
  }

  /** Calls of {@code function} since the last change of the settings. */
  static long calls(String function) {
    try (Arena arena = Arena.ofConfined()) {
      MethodHandle calls =
          function(
              "standin_calls", FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
      return (long) calls.invoke(arena.allocateFrom(function));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static long number(String function) {
    try {
      return (long) function(function, FunctionDescriptor.of(ValueLayout.JAVA_LONG)).invoke();
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static MethodHandle function(String name, FunctionDescriptor descriptor) {
    return Linker.nativeLinker()
        .downcallHandle(SymbolLookup.loaderLookup().findOrThrow(name), descriptor);
  }
}
