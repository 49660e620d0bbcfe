package dev.granula.tensor.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import dev.granula.tensor.safetensors.SafetensorsException.Problem;
import dev.granula.tensor.safetensors.SafetensorsException.Rule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SafetensorsFileTest {
  private static final CpuDevice DEVICE = CpuDevice.reference();

  @TempDir Path folder;

  @Test
  void writesTheBytesOfTheReference() throws IOException {
    Path file = folder.resolve("a.safetensors");
    SafetensorsWriter.write(
        file,
        Map.of(
            "b/c", Tensor.of(DEVICE, new float[] {1, 2, 3, 4}, 2, 2).transpose(0, 1),
            "a", Tensor.of(DEVICE, new float[] {5}),
            "n", Tensor.of(DEVICE, new long[] {-1}, 1),
            "h", Tensor.of(DEVICE, new float[] {1.5f, -2}, 2).to(DType.BF16)));

    byte[] bytes = Files.readAllBytes(file);
    String header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + "\"n\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
            + "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[8,12]},"
            + "\"b/c\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[12,28]},"
            + "\"h\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[28,32]}}";
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int length = (int) buffer.getLong();
    assertEquals(0, length % 8);
    String written = new String(bytes, 8, length, StandardCharsets.UTF_8);
    assertEquals(header, written.stripTrailing());
    buffer.position(8 + length);
    assertEquals(-1, buffer.getLong());
    assertEquals(5f, buffer.getFloat());
    for (float expected : new float[] {1, 3, 2, 4}) {
      assertEquals(expected, buffer.getFloat());
    }
    assertEquals(0x3fc0, buffer.getShort());
    assertEquals((short) 0xc000, buffer.getShort());
    assertEquals(0, buffer.remaining());
  }

  @Test
  void readsBackEveryType() {
    Path file = folder.resolve("types.safetensors");
    float[] values = {1, -2.5f, 0, 65504};
    for (DType dtype : DType.values()) {
      Tensor tensor = Tensor.of(DEVICE, values, 2, 2).to(dtype);
      SafetensorsWriter.write(file, Map.of("x", tensor), Map.of("k", "v"));
      try (SafetensorsFile opened = SafetensorsFile.open(file)) {
        Tensor read = opened.read("x", DEVICE);
        assertEquals(dtype, read.dtype());
        assertTrue(read.storage().isPersistent());
        assertArrayEquals(tensor.toDoubleArray(), read.toDoubleArray());
        assertEquals(Map.of("k", "v"), opened.metadata());
      }
    }
  }

  @Test
  void acceptsEmptyFilesEmptyTensorsAndLeadingSpace() throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(file("{}", 0))) {
      assertEquals(Map.of(), file.entries());
    }
    String empty = "  \n{\"e\":{\"dtype\":\"F32\",\"shape\":[2,0],\"data_offsets\":[0,0]}}   ";
    try (SafetensorsFile file = SafetensorsFile.open(file(empty, 0))) {
      assertEquals(Shape.of(2, 0), file.read("e", DEVICE).shape());
    }
  }

  @Test
  void readsTheGoldens() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("../goldens/data"))) {
      List<Path> all = files.filter(f -> f.toString().endsWith(".safetensors")).toList();
      assertTrue(all.size() > 20);
      for (Path path : all) {
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
          file.entries().values().stream()
              .filter(entry -> entry.type().dtype().isPresent())
              .forEach(e -> assertEquals(e.shape(), file.read(e.name(), DEVICE).shape()));
        }
      }
    }
  }

  @Test
  void rewritesAGoldenByteForByte() throws IOException {
    Path golden = Path.of("../goldens/data/models/llama-tiny/model.safetensors");
    Path copy = folder.resolve("copy.safetensors");
    try (SafetensorsFile file = SafetensorsFile.open(golden)) {
      Map<String, Tensor> tensors = new HashMap<>();
      file.entries().keySet().forEach(name -> tensors.put(name, file.read(name, DEVICE)));
      SafetensorsWriter.write(copy, tensors, file.metadata());
    }
    assertEquals(-1, Files.mismatch(golden, copy));
  }

  /** One defect each, in a tensor {@code x} of which 8 bytes stand in the file. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "F32 | [2]   | [0,8]  | 9 | METADATA_INCOMPLETE_BUFFER",
        "F32 | [2]   | [0,8]  | 7 | METADATA_INCOMPLETE_BUFFER",
        "F32 | [3]   | [0,8]  | 8 | TENSOR_INVALID_INFO",
        "F32 | [1]   | [4,8]  | 8 | INVALID_OFFSET",
        "F32 | [2]   | [8,0]  | 8 | INVALID_OFFSET",
        "F4  | [3]   | [0,8]  | 8 | MISALIGNED_SLICE",
        "F32 | [18446744073709551614, 2] | [0,8] | 8 | VALIDATION_OVERFLOW",
        "F32 | [4294967296, 4294967296]  | [0,8] | 8 | VALIDATION_OVERFLOW",
        "F32 | [2]   | [0,18446744073709551615] | 8 | TENSOR_INVALID_INFO",
        "F32 | [-2]  | [0,8]  | 8 | INVALID_HEADER_DESERIALIZATION",
        "F32 | [2.0] | [0,8]  | 8 | INVALID_HEADER_DESERIALIZATION",
        "F32 | 2     | [0,8]  | 8 | INVALID_HEADER_DESERIALIZATION",
        "F32 | [2]   | [0]    | 8 | INVALID_HEADER_DESERIALIZATION",
        "F31 | [2]   | [0,8]  | 8 | INVALID_HEADER_DESERIALIZATION",
      })
  void refusesBadTensors(String dtype, String shape, String offsets, int bytes, Rule rule)
      throws IOException {
    String header =
        "{\"x\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}}"
            .formatted(dtype, shape, offsets);
    assertEquals(rule, refused(file(header, bytes)).rule());
  }

  @Test
  void refusesBadHeaders() throws IOException {
    String tensor = "{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}";
    assertEquals(
        Rule.INVALID_HEADER_DESERIALIZATION,
        refused(file("{\"x\":%s,\"x\":%s}".formatted(tensor, tensor), 4)).rule());
    assertEquals(
        Rule.INVALID_HEADER_DESERIALIZATION,
        refused(file("{\"__metadata__\":{\"a\":1}}", 0)).rule());
    assertEquals(Rule.INVALID_HEADER_DESERIALIZATION, refused(file("{} {}", 0)).rule());
    assertEquals(Rule.INVALID_HEADER_DESERIALIZATION, refused(file("[]", 0)).rule());
    assertEquals(Rule.INVALID_HEADER_DESERIALIZATION, refused(file("{", 0)).rule());
    assertEquals(Rule.INVALID_HEADER_DESERIALIZATION, refused(file("", 0)).rule());
    byte[] utf16 = "{}".getBytes(StandardCharsets.UTF_16LE);
    assertEquals(Rule.INVALID_HEADER_DESERIALIZATION, refused(bytes(utf16.length, utf16)).rule());
    byte[] latin = {'{', '"', (byte) 0xe9, '"', ':', '1', '}'};
    SafetensorsException notText = refused(bytes(latin.length, latin));
    assertEquals(Rule.INVALID_HEADER, notText.rule());
    assertEquals(10, notText.byteOffset().orElseThrow());
  }

  @Test
  void refusesBadLengths() throws IOException {
    Path tiny = Files.write(folder.resolve("tiny"), new byte[7]);
    assertEquals(Rule.HEADER_TOO_SMALL, refused(tiny).rule());
    assertEquals(Rule.HEADER_TOO_LARGE, refused(bytes(-1, new byte[2])).rule());
    assertEquals(Rule.HEADER_TOO_LARGE, refused(bytes(100_000_001, new byte[2])).rule());
    assertEquals(Rule.INVALID_HEADER_LENGTH, refused(bytes(3, new byte[2])).rule());
  }

  /** A header of millions of tensors without bytes: refused beyond a number, and never slow. */
  @Test
  void refusesTooManyTensorsInTime() throws IOException {
    StringBuilder json = new StringBuilder("{");
    for (int i = 0; i <= 1 << 20; i++) {
      json.append('"')
          .append(i)
          .append("\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},");
    }
    json.setCharAt(json.length() - 1, '}');
    Path many = file(json.toString(), 0);
    SafetensorsException e = assertTimeout(Duration.ofSeconds(60), () -> refused(many));
    assertEquals(Rule.INVALID_HEADER_DESERIALIZATION, e.rule());
  }

  @Test
  void reportsAllProblemsTogether() throws IOException {
    String header =
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]},"
            + "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}";
    SafetensorsException e = refused(file(header, 9));
    assertEquals(
        List.of(Rule.TENSOR_INVALID_INFO, Rule.INVALID_OFFSET, Rule.METADATA_INCOMPLETE_BUFFER),
        e.problems().stream().map(Problem::rule).toList());
    assertEquals("a", e.tensor().orElseThrow());
    assertEquals(8 + header.length(), e.byteOffset().orElseThrow());
    assertTrue(e.getMessage().contains("tensor 'b'"), e.getMessage());
  }

  @Test
  void namesWhatItCannotRead() throws IOException {
    String header = "{\"x\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]}}";
    try (SafetensorsFile file = SafetensorsFile.open(file(header, 2))) {
      SafetensorsException e =
          assertThrows(SafetensorsException.class, () -> file.read("x", DEVICE));
      assertEquals(Rule.UNSUPPORTED_TYPE, e.rule());
      assertTrue(e.getMessage().contains("F8_E4M3"), e.getMessage());
      assertThrows(SafetensorsException.class, () -> file.read("y", DEVICE));
    }
    assertThrows(UncheckedIOException.class, () -> SafetensorsFile.open(folder.resolve("nothing")));
    assertThrows(UncheckedIOException.class, () -> SafetensorsFile.open(folder));
  }

  @Test
  void aFailedWriteLeavesNothingBehind() throws IOException {
    Path file = folder.resolve("out.safetensors");
    Tensor good = Tensor.of(DEVICE, new float[] {1}, 1);
    SafetensorsWriter.write(file, Map.of("x", good));
    byte[] before = Files.readAllBytes(file);
    Tensor gone;
    try (var step = DEVICE.memory().step()) {
      gone = Tensor.of(DEVICE, new float[] {1}, 1);
    }
    assertThrows(RuntimeException.class, () -> SafetensorsWriter.write(file, Map.of("x", gone)));
    assertThrows(
        SafetensorsException.class,
        () -> SafetensorsWriter.write(file, Map.of("__metadata__", good)));
    assertArrayEquals(before, Files.readAllBytes(file));
    try (Stream<Path> left = Files.list(folder)) {
      assertEquals(List.of(file), left.toList());
    }
  }

  private static SafetensorsException refused(Path file) {
    return assertThrows(SafetensorsException.class, () -> SafetensorsFile.open(file).close());
  }

  private Path file(String header, int dataBytes) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer content = ByteBuffer.allocate(json.length + dataBytes).put(json);
    return bytes(json.length, content.array());
  }

  private Path bytes(long headerLength, byte[] rest) throws IOException {
    ByteBuffer content = ByteBuffer.allocate(8 + rest.length).order(ByteOrder.LITTLE_ENDIAN);
    return Files.write(
        Files.createTempFile(folder, "case", ".safetensors"),
        content.putLong(headerLength).put(rest).array());
  }
}
