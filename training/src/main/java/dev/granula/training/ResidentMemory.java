package dev.granula.training;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The physical memory that this process holds. */
public final class ResidentMemory {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final String FIELD = "VmRSS:";
  private static final long BYTES_PER_KIB = 1024;

  private ResidentMemory() {}

  /**
   * Bytes resident now: {@code VmRSS} of Linux. Other systems have no such file; there it is the
   * Java heap in use plus {@code nativeBytes}, which is what the caller knows to be held outside of
   * it.
   */
  public static long bytes(long nativeBytes) {
    if (!Files.isReadable(STATUS)) {
      Runtime runtime = Runtime.getRuntime();
      return runtime.totalMemory() - runtime.freeMemory() + nativeBytes;
    }
    try {
      for (String line : Files.readAllLines(STATUS)) {
        if (line.startsWith(FIELD)) {
          String kib = line.substring(FIELD.length()).replace("kB", "").strip();
          return Long.parseLong(kib) * BYTES_PER_KIB;
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("read " + STATUS, e);
    }
    throw new IllegalStateException(STATUS + " has no " + FIELD);
  }
}
