package dev.granula.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DeviceException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

final class LibrariesTest {
  @Test
  void listsEveryAttempt() {
    Libraries libraries = new Libraries(key -> "/nowhere/lib" + key + ".so");
    DeviceException e = assertThrows(DeviceException.class, libraries::require);
    for (Library library : Library.values()) {
      assertTrue(e.getMessage().contains("/nowhere/lib" + library.key + ".so"), e.getMessage());
    }
    assertTrue(e.getMessage().contains("-Dgranula.cuda.libdir"), e.getMessage());
  }

  @Test
  void findsTheFileThatALinkLeadsTo() {
    List<String> map =
        List.of(
            "7f00-7f01 r--p 00000000 fe:00 17    /usr/lib/libc.so.6",
            "7f02-7f03 r-xp 00001000 fe:00 18    /usr/local/nvidia/lib64/libcuda.so.580.65.06",
            "7f04-7f05 r--p 00000000 fe:00 19    /opt/cuda 11/libnvrtc.so.11.8.89",
            "7f06-7f07 r--p 00000000 fe:00 20    /opt/cuda/libcublasLt.so.12.4.5.8",
            "7f08-7f09 r--p 00000000 fe:00 21    /opt/cuda/libcublas.so.12.4.5.8",
            "7f0a-7f0b rw-p 00000000 00:00 0");
    assertEquals(
        Path.of("/usr/local/nvidia/lib64/libcuda.so.580.65.06"),
        Libraries.mapped(map, "libcuda.so.1"));
    assertEquals(
        Path.of("/opt/cuda 11/libnvrtc.so.11.8.89"), Libraries.mapped(map, "libnvrtc.so.11.2"));
    assertEquals(
        Path.of("/opt/cuda/libcublas.so.12.4.5.8"), Libraries.mapped(map, "libcublas.so.12"));
    assertNull(Libraries.mapped(map, "libcudart.so.12"));
  }
}
