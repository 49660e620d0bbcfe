package dev.granula.cuda;

import dev.granula.cuda.bindings.cublas_h;
import dev.granula.cuda.bindings.cuda_h;
import dev.granula.tensor.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The driver and the libraries that were found, with their versions, and whether they fit together
 * and a GPU.
 *
 * @param driver the CUDA version that the driver was made for
 * @param architectures compute capabilities that NVRTC makes code for
 */
record Installation(
    Map<Library, Path> files,
    Version driver,
    Version cublas,
    Version nvrtc,
    List<Integer> architectures) {
  /** The first driver whose libraries know every architecture up to Hopper. */
  private static final Version OLDEST_DRIVER = new Version(11, 8);

  /** Turing. */
  private static final int OLDEST_CAPABILITY = 75;

  /** Of CUDA, or of cuBLAS, which counts its major versions alike. */
  record Version(int major, int minor) implements Comparable<Version> {
    /** From the driver's number, for example 12040. */
    static Version ofNumber(int number) {
      return new Version(number / 1000, number % 1000 / 10);
    }

    @Override
    public int compareTo(Version other) {
      return major != other.major
          ? Integer.compare(major, other.major)
          : Integer.compare(minor, other.minor);
    }

    @Override
    public String toString() {
      return major + "." + minor;
    }
  }

  /**
   * Loads everything at the first call in a JVM.
   *
   * @throws DeviceException if something is missing, incomplete or does not fit; the message says
   *     what to do
   */
  static Installation require() {
    Map<Library, Path> files = Libraries.loaded().require();
    Installation found =
        new Installation(
            files, driverVersion(), cublasVersion(), Compiler.version(), Compiler.architectures());
    found.checkVersions();
    return found;
  }

  /** Needs the driver's library alone. */
  static Version driverVersion() {
    return Version.ofNumber(CudaContext.integer("cuDriverGetVersion", cuda_h::cuDriverGetVersion));
  }

  private static Version cublasVersion() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(ValueLayout.JAVA_INT);
      int[] parts = new int[2];
      for (int part = 0; part < parts.length; part++) {
        Products.check(cublas_h.cublasGetProperty(part, value), "cublasGetProperty");
        parts[part] = value.get(ValueLayout.JAVA_INT, 0);
      }
      return new Version(parts[0], parts[1]);
    }
  }

  private void checkVersions() {
    if (driver.compareTo(OLDEST_DRIVER) < 0) {
      throw new DeviceException(
          "cuda: the driver is made for CUDA %s and at least %s is needed; update the NVIDIA driver"
              .formatted(driver, OLDEST_DRIVER));
    }
    checkNotNewerThanDriver("cuBLAS", cublas, Library.CUBLAS);
    checkNotNewerThanDriver("NVRTC", nvrtc, Library.NVRTC);
  }

  /** Libraries run on every driver of their own major version. */
  private void checkNotNewerThanDriver(String name, Version version, Library library) {
    if (version.major > driver.major) {
      throw new DeviceException(
          "cuda: the driver is older than the library: %s %s (%s) needs a driver for CUDA %d, and this one is made for CUDA %s; update the NVIDIA driver, or install the library of CUDA %d and name it with -Dgranula.cuda.%s=<file>"
              .formatted(
                  name,
                  version,
                  files.get(library),
                  version.major,
                  driver,
                  driver.major,
                  library.key));
    }
  }

  /**
   * Fails unless the kernels can be compiled for {@code gpu}.
   *
   * @throws DeviceException if it is too old, or too new for the compiler
   */
  void checkSupports(Gpu gpu) {
    String problem = null;
    if (gpu.computeCapability() < OLDEST_CAPABILITY) {
      problem = "it is too old: compute capability 7.5 (Turing) is the oldest that works";
    } else if (!architectures.contains(gpu.computeCapability())) {
      problem =
          "NVRTC %s makes code for %s only; install the NVRTC of a newer CUDA (and a driver for it)"
              .formatted(nvrtc, architectures);
    }
    if (problem != null) {
      throw new DeviceException(
          "cuda: unsupported architecture: %s (%s): %s".formatted(gpu.id(), gpu, problem));
    }
  }

  /** The version of {@code library} and its file. */
  String describe(Library library) {
    Version version =
        switch (library) {
          case DRIVER -> driver;
          case CUBLAS -> cublas;
          case NVRTC -> nvrtc;
        };
    return "%s, %s %s"
        .formatted(
            files.get(library), library == Library.DRIVER ? "made for CUDA" : "version", version);
  }

  @Override
  public String toString() {
    return String.join(
        "; ",
        Arrays.stream(Library.values())
            .map(library -> library.key + " " + describe(library))
            .toList());
  }
}
