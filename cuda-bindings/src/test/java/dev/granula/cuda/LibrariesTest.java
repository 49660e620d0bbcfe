package dev.granula.cuda;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DeviceException;
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
}
