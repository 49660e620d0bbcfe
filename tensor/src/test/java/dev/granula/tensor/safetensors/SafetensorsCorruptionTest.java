package dev.granula.tensor.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Files that nobody wrote like this: whatever their bytes, they are read or refused by name. */
final class SafetensorsCorruptionTest {
  private static final CpuDevice DEVICE = CpuDevice.reference();

  /** What a mutation may put in: bytes that mean something in the format, and any other. */
  private static final byte[] TELLING =
      "{}[]:,\"\\-0129eE.untf \u0000\u007f".getBytes(StandardCharsets.US_ASCII);

  private static final List<String> FRAGMENTS =
      List.of(
          "18446744073709551615",
          "-1",
          "1e3",
          "0.5",
          "null",
          "{}",
          "[[[]]]",
          "\"\\ud800\"",
          "\"F4\"",
          "\"__metadata__\":",
          "\"a\":{},",
          "\"dtype\":\"I8\",");

  private static Path folder;

  @BeforeContainer
  static void makeFolder() throws IOException {
    folder = Files.createTempDirectory("granula-safetensors");
  }

  @AfterContainer
  static void removeFolder() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }

  @Property(tries = 1000, seed = "20250301")
  void damagedFilesAreReadOrRefused(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 6) int changes) throws IOException {
    Random random = new Random(seed);
    byte[] bytes = intact();
    for (int i = 0; i < changes; i++) {
      bytes = damage(bytes, random);
    }
    readOrRefuse(bytes);
  }

  /** The length field agrees with the text, so that damage to the text is seen by the parser. */
  @Property(tries = 1000, seed = "20250301")
  void damagedHeadersAreReadOrRefused(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 4) int changes) throws IOException {
    Random random = new Random(seed);
    byte[] bytes = intact();
    int headerEnd = 8 + (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    byte[] header = Arrays.copyOfRange(bytes, 8, headerEnd);
    for (int i = 0; i < changes; i++) {
      header = damage(header, random);
    }
    readOrRefuse(file(header, Arrays.copyOfRange(bytes, headerEnd, bytes.length)));
  }

  private static byte[] intact() throws IOException {
    Path file = folder.resolve("intact.safetensors");
    if (!Files.exists(file)) {
      SafetensorsWriter.write(
          file,
          Map.of(
              "a.weight", Tensor.of(DEVICE, new float[] {1, 2, 3, 4, 5, 6}, 2, 3),
              "b", Tensor.of(DEVICE, new long[] {7, 8}, 2),
              "empty", Tensor.of(DEVICE, new int[0], 0, 4),
              "half", Tensor.of(DEVICE, new float[] {1, 2}, 2).to(DType.F16)));
    }
    return Files.readAllBytes(file);
  }

  private static byte[] damage(byte[] bytes, Random random) {
    int at = random.nextInt(bytes.length + 1);
    return switch (random.nextInt(6)) {
      case 0 -> Arrays.copyOf(bytes, at);
      case 1 -> splice(bytes, at, at, new byte[] {(byte) random.nextInt()});
      case 2 -> splice(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(8)), new byte[0]);
      case 3 ->
          splice(
              bytes,
              at,
              Math.min(bytes.length, at + 1),
              new byte[] {TELLING[random.nextInt(TELLING.length)]});
      case 4 -> {
        String fragment = FRAGMENTS.get(random.nextInt(FRAGMENTS.size()));
        yield splice(bytes, at, at, fragment.getBytes(StandardCharsets.US_ASCII));
      }
      default -> {
        int end = Math.min(bytes.length, at + random.nextInt(40));
        yield splice(bytes, at, at, Arrays.copyOfRange(bytes, at, end));
      }
    };
  }

  private static byte[] splice(byte[] bytes, int from, int to, byte[] middle) {
    return ByteBuffer.allocate(bytes.length - (to - from) + middle.length)
        .put(bytes, 0, from)
        .put(middle)
        .put(bytes, to, bytes.length - to)
        .array();
  }

  private static byte[] file(byte[] header, byte[] data) {
    return ByteBuffer.allocate(8 + header.length + data.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(header.length)
        .put(header)
        .put(data)
        .array();
  }

  private static void readOrRefuse(byte[] bytes) throws IOException {
    Path path = Files.write(folder.resolve("damaged.safetensors"), bytes);
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      for (SafetensorsEntry entry : file.entries().values()) {
        if (entry.type().dtype().isPresent()) {
          assertEquals(entry.shape(), file.read(entry.name(), DEVICE).shape());
        }
      }
    } catch (SafetensorsException e) {
      assertTrue(
          !e.problems().isEmpty() && e.getMessage().contains(path.toString()), e.getMessage());
    }
  }
}
