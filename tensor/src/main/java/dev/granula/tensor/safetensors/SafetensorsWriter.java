package dev.granula.tensor.safetensors;

import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.internal.io.AtomicFile;
import dev.granula.tensor.safetensors.SafetensorsException.Rule;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonWriteFeature;

/**
 * Writes safetensors files, byte for byte as the reference implementation does for at most one
 * entry of metadata; it leaves the order of several to chance, here they are sorted.
 */
public final class SafetensorsWriter {
  private static final String OPERATION = "write safetensors";
  private static final int HEADER_ALIGNMENT = 8;
  private static final Map<String, String> TORCH_FORMAT = Map.of("format", "pt");

  private static final JsonFactory JSON =
      JsonFactory.builder().disable(JsonWriteFeature.ESCAPE_FORWARD_SLASHES).build();

  private SafetensorsWriter() {}

  /** {@link #write(Path, Map, Map)} with the metadata that transformers asks for. */
  public static void write(Path file, Map<String, Tensor> tensors) {
    write(file, tensors, TORCH_FORMAT);
  }

  /**
   * Writes {@code file} whole or not at all: a temporary file in the same folder, forced to the
   * disk, takes its name at the end.
   *
   * @throws SafetensorsException if a name cannot stand in a header
   * @throws UncheckedIOException if writing fails; what was there before is still there
   */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
    checkNames(file, tensors);
    List<Map.Entry<String, Tensor>> ordered =
        tensors.entrySet().stream().sorted(SafetensorsWriter::compare).toList();
    byte[] header = header(ordered, metadata);
    if (header.length > HeaderReader.MAX_HEADER_BYTES) {
      Problems problems = new Problems(OPERATION);
      String text = "the header would have %,d bytes".formatted(header.length);
      problems.add(file, null, 0, Rule.HEADER_TOO_LARGE, text);
      problems.throwIfAny(file);
    }
    try {
      AtomicFile.write(file, channel -> write(channel, header, ordered));
    } catch (IOException e) {
      throw new UncheckedIOException("%s: %s: %s".formatted(OPERATION, file, e.getMessage()), e);
    }
  }

  private static void write(
      FileChannel channel, byte[] header, List<Map.Entry<String, Tensor>> ordered)
      throws IOException {
    ByteBuffer length =
        ByteBuffer.allocate(HeaderReader.LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    TensorBytes.writeFully(channel, length.putLong(header.length).flip());
    TensorBytes.writeFully(channel, ByteBuffer.wrap(header));
    for (Map.Entry<String, Tensor> named : ordered) {
      Tensor tensor = named.getValue();
      try (Scope _ = tensor.device().memory().step()) {
        TensorBytes.write(tensor.contiguous(), channel);
      }
    }
  }

  /** By alignment of the element type, descending, then by name in the order of its UTF-8 bytes. */
  private static int compare(Map.Entry<String, Tensor> a, Map.Entry<String, Tensor> b) {
    return Comparator.comparing(
            (Map.Entry<String, Tensor> named) -> StoredType.of(named.getValue().dtype()),
            Comparator.reverseOrder())
        .thenComparing(
            named -> named.getKey().getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned)
        .compare(a, b);
  }

  private static byte[] header(
      List<Map.Entry<String, Tensor>> ordered, Map<String, String> metadata) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), bytes)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectPropertyStart(HeaderJson.METADATA);
        new TreeMap<>(metadata).forEach(json::writeStringProperty);
        json.writeEndObject();
      }
      long end = 0;
      for (Map.Entry<String, Tensor> named : ordered) {
        end = writeEntry(json, named.getKey(), named.getValue(), end);
      }
      json.writeEndObject();
    }
    while (bytes.size() % HEADER_ALIGNMENT != 0) {
      bytes.write(' ');
    }
    return bytes.toByteArray();
  }

  /** Returns where the bytes of the tensor end. */
  private static long writeEntry(JsonGenerator json, String name, Tensor tensor, long begin) {
    long end = begin + tensor.elementCount() * tensor.dtype().byteSize();
    long[] dims = tensor.shape().toArray();
    json.writeObjectPropertyStart(name);
    json.writeStringProperty("dtype", StoredType.of(tensor.dtype()).name());
    json.writeName("shape");
    json.writeArray(dims, 0, dims.length);
    json.writeName("data_offsets");
    json.writeArray(new long[] {begin, end}, 0, 2);
    json.writeEndObject();
    return end;
  }

  private static void checkNames(Path file, Map<String, Tensor> tensors) {
    Problems problems = new Problems(OPERATION);
    for (String name : tensors.keySet()) {
      if (name.equals(HeaderJson.METADATA)) {
        problems.add(file, name, -1, Rule.INVALID_NAME, "the name is taken by the format");
      } else if (!StandardCharsets.UTF_8.newEncoder().canEncode(name)) {
        problems.add(file, name, -1, Rule.INVALID_NAME, "an unpaired surrogate is not text");
      }
    }
    problems.throwIfAny(file);
  }
}
