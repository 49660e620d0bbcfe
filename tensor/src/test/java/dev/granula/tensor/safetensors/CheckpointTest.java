package dev.granula.tensor.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import dev.granula.tensor.safetensors.SafetensorsException.Problem;
import dev.granula.tensor.safetensors.SafetensorsException.Rule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CheckpointTest {
  private static final CpuDevice DEVICE = CpuDevice.reference();
  private static final Path MODELS = Path.of("../goldens/data/models");

  @TempDir Path folder;

  @Test
  void readsShardsAndSingleFiles() {
    try (Checkpoint sharded = Checkpoint.open(MODELS.resolve("llama-sharded"));
        Checkpoint single = Checkpoint.open(MODELS.resolve("llama-bf16"))) {
      assertEquals(single.entries().keySet(), sharded.entries().keySet());
      assertEquals(Shape.of(96, 32), sharded.read("lm_head.weight", DEVICE).shape());
      assertEquals(DType.BF16, single.read("lm_head.weight", DEVICE).dtype());
      assertEquals(
          Rule.TENSOR_NOT_FOUND,
          assertThrows(SafetensorsException.class, () -> single.read("none", DEVICE)).rule());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../x", "/etc/x", "a/b", "a\\\\b", "..", ".", "", "C:x", "a\\u0000b", ".hidden"})
  void shardsHavePlainNames(String name) throws IOException {
    index("{\"weight_map\":{\"a\":\"%s\"}}".formatted(name));
    assertEquals(List.of(Rule.INVALID_SHARD), rules());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "{}",
        "{\"weight_map\":{}}",
        "{\"weight_map\":{\"a\":1}}",
        "{\"weight_map\":{\"a\":\"s\",\"a\":\"s\"}}",
        "{"
      })
  void refusesABadIndex(String json) throws IOException {
    index(json);
    assertEquals(List.of(Rule.INVALID_INDEX), rules());
  }

  @Test
  void checksTheIndexAgainstTheShards() throws IOException {
    shard("one.safetensors", "a", "both");
    shard("two.safetensors", "b", "both");
    index(
        "{\"weight_map\":{\"a\":\"two.safetensors\",\"b\":\"two.safetensors\","
            + "\"c\":\"one.safetensors\"}}");
    assertEquals(List.of(Rule.DUPLICATE_TENSOR), rules());
    shard("two.safetensors", "b");
    assertEquals(List.of(Rule.TENSOR_NOT_FOUND, Rule.TENSOR_NOT_FOUND), rules());
    index("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"2.safetensors\",\"c\":\"3\"}}");
    assertEquals(List.of(Rule.INVALID_SHARD, Rule.INVALID_SHARD), rules());
  }

  @Test
  void linksStayInTheFolder() throws IOException {
    Path outside = Files.createDirectory(folder.resolve("outside"));
    Path inside = Files.createDirectory(folder.resolve("inside"));
    Path target = outside.resolve("x.safetensors");
    SafetensorsWriter.write(target, Map.of("a", Tensor.of(DEVICE, new float[] {1}, 1)));
    Files.createSymbolicLink(inside.resolve(Checkpoint.SINGLE_FILE), target);
    assertEquals(
        Rule.INVALID_SHARD,
        assertThrows(SafetensorsException.class, () -> Checkpoint.open(inside)).rule());
  }

  @Test
  void followsTheLinksOfTheCache() throws IOException {
    Path blobs = Files.createDirectory(folder.resolve("blobs"));
    Path revision = Files.createDirectories(folder.resolve("snapshots/abc"));
    SafetensorsWriter.write(
        blobs.resolve("0123"), Map.of("a", Tensor.of(DEVICE, new float[] {1}, 1)));
    Files.createSymbolicLink(revision.resolve(Checkpoint.SINGLE_FILE), Path.of("../../blobs/0123"));
    try (Checkpoint checkpoint = Checkpoint.open(revision)) {
      assertEquals(1, checkpoint.read("a", DEVICE).item());
    }
  }

  @Test
  void saysWhatIsMissing() {
    UncheckedIOException e =
        assertThrows(UncheckedIOException.class, () -> Checkpoint.open(folder));
    assertTrue(e.getMessage().contains(Checkpoint.INDEX_FILE), e.getMessage());
  }

  private List<Rule> rules() {
    SafetensorsException e =
        assertThrows(SafetensorsException.class, () -> Checkpoint.open(folder));
    return e.problems().stream().map(Problem::rule).toList();
  }

  private void index(String json) throws IOException {
    Files.writeString(folder.resolve(Checkpoint.INDEX_FILE), json);
  }

  private void shard(String file, String... names) {
    Map<String, Tensor> tensors = new HashMap<>();
    for (String name : names) {
      tensors.put(name, Tensor.of(DEVICE, new float[] {1}, 1));
    }
    SafetensorsWriter.write(folder.resolve(file), tensors);
  }
}
