package dev.granula.cuda;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * Compiled kernels in a folder, one file each, named by the hash of everything that they depend on.
 * The folder is {@code -Dgranula.cuda.cache}, else {@code ~/.cache/granula/cuda}. A cache that
 * cannot be read or written costs time and nothing else.
 */
record CubinCache(Path folder) {
  private static final System.Logger LOGGER = System.getLogger(CubinCache.class.getName());

  static CubinCache standard() {
    String given = System.getProperty("granula.cuda.cache");
    return new CubinCache(
        given != null
            ? Path.of(given)
            : Path.of(System.getProperty("user.home"), ".cache", "granula", "cuda"));
  }

  byte @Nullable [] read(String key) {
    Path file = file(key);
    try {
      return Files.exists(file) ? Files.readAllBytes(file) : null;
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.WARNING, "cannot read " + file, e);
      return null;
    }
  }

  /** The file appears whole or not at all, also with several processes at work. */
  void write(String key, byte[] cubin) {
    try {
      Files.createDirectories(folder);
      Path part = Files.createTempFile(folder, "kernel", ".part");
      Files.write(part, cubin);
      Files.move(part, file(key), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      LOGGER.log(System.Logger.Level.WARNING, "cannot write to " + folder, e);
    }
  }

  private Path file(String key) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] hash = digest.digest(key.getBytes(StandardCharsets.UTF_8));
      return folder.resolve(HexFormat.of().formatHex(hash) + ".cubin");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
