package dev.granula.tensor.safetensors;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.safetensors.SafetensorsException.Problem;
import dev.granula.tensor.safetensors.SafetensorsException.Rule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.Map;

/**
 * An open safetensors file whose header has been checked.
 *
 * <pre>{@code
 * try (SafetensorsFile file = SafetensorsFile.open(Path.of("model.safetensors"))) {
 *   Tensor weight = file.read("model.norm.weight", device);
 * }
 * }</pre>
 */
public final class SafetensorsFile implements AutoCloseable {
  private final Path path;
  private final FileChannel channel;
  private final HeaderReader.Header header;

  private SafetensorsFile(Path path, FileChannel channel, HeaderReader.Header header) {
    this.path = path;
    this.channel = channel;
    this.header = header;
  }

  /**
   * Opens {@code path} and checks its whole header before anything is read.
   *
   * @throws SafetensorsException naming everything that is wrong with the file
   * @throws UncheckedIOException if the file cannot be read
   */
  public static SafetensorsFile open(Path path) {
    try {
      if (Files.exists(path) && !Files.isRegularFile(path)) {
        throw new IOException("it is not a file");
      }
      FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
      try {
        return new SafetensorsFile(path, channel, HeaderReader.read(path, channel));
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "%s: cannot read %s: %s".formatted(HeaderReader.OPERATION, path, e.getMessage()), e);
    }
  }

  public Path path() {
    return path;
  }

  /** The tensors by name, in the order of their bytes. */
  public Map<String, SafetensorsEntry> entries() {
    return Collections.unmodifiableMap(header.entries());
  }

  /** What the writer noted, for example {@code format = pt}. */
  public Map<String, String> metadata() {
    return header.metadata();
  }

  /**
   * The header's entry of a tensor.
   *
   * @throws SafetensorsException if there is no such tensor
   */
  public SafetensorsEntry entry(String name) {
    SafetensorsEntry entry = header.entries().get(name);
    if (entry == null) {
      throw new SafetensorsException(
          HeaderReader.OPERATION,
          new Problem(
              path,
              name,
              -1,
              Rule.TENSOR_NOT_FOUND,
              "there is none among the %d tensors of this file"
                  .formatted(header.entries().size())));
    }
    return entry;
  }

  /**
   * Reads a tensor as it is stored into persistent memory of {@code device}.
   *
   * @throws SafetensorsException if there is no such tensor or its element type is none of {@link
   *     DType}
   */
  public Tensor read(String name, Device device) {
    SafetensorsEntry entry = entry(name);
    DType dtype = entry.type().dtype().orElseThrow(() -> unsupported(entry));
    Tensor tensor = Tensor.emptyPersistent(device, dtype, entry.shape());
    try {
      TensorBytes.read(channel, entry.begin(), tensor);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "read safetensors: %s: tensor '%s': byte %d: %s"
              .formatted(path, SafetensorsException.printable(name), entry.begin(), e.getMessage()),
          e);
    }
    return tensor;
  }

  private SafetensorsException unsupported(SafetensorsEntry entry) {
    return new SafetensorsException(
        HeaderReader.OPERATION,
        new Problem(
            path,
            entry.name(),
            entry.begin(),
            Rule.UNSUPPORTED_TYPE,
            "%s is not read; supported: F32, F64, BF16, F16, I32, I64".formatted(entry.type())));
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException("close safetensors: " + path, e);
    }
  }
}
