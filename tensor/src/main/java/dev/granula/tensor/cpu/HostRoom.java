package dev.granula.tensor.cpu;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.OperatingSystemMXBean;
import dev.granula.tensor.Memory;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** How much native memory this process can still take. */
final class HostRoom {
  private static final String LIMIT = "MaxDirectMemorySize";
  private static final Path MEMINFO = Path.of("/proc/meminfo");
  private static final String AVAILABLE = "MemAvailable:";
  private static final long BYTES_PER_KIB = 1024;

  private HostRoom() {}

  /** {@code held}: bytes of native segments that were taken already. */
  static Memory.Room beside(long held) {
    long allowed = Math.max(0, limit() - held);
    long free = free();
    return allowed < free
        ? new Memory.Room(allowed, "the JVM's limit for native memory, -XX:" + LIMIT)
        : new Memory.Room(free, "the free memory of the machine");
  }

  /** The JVM's bound for all native segments together; 0 stands for the size of the heap. */
  private static long limit() {
    HotSpotDiagnosticMXBean bean =
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    long limit = bean == null ? 0 : Long.parseLong(bean.getVMOption(LIMIT).getValue());
    return limit == 0 ? Runtime.getRuntime().maxMemory() : limit;
  }

  /** Of a container, where this runs in one; caches of files count as free. */
  private static long free() {
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    long total = system.getTotalMemorySize();
    if (!Files.isReadable(MEMINFO)) {
      return system.getFreeMemorySize();
    }
    try {
      for (String line : Files.readAllLines(MEMINFO)) {
        if (line.startsWith(AVAILABLE)) {
          String kib = line.substring(AVAILABLE.length()).replace("kB", "").strip();
          return Math.min(total, Long.parseLong(kib) * BYTES_PER_KIB);
        }
      }
    } catch (IOException e) {
      // What cannot be read sets no bound; an allocation that fails will say so itself.
      return total;
    }
    return total;
  }
}
