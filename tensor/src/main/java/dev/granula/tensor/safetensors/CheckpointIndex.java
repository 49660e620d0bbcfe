package dev.granula.tensor.safetensors;

import dev.granula.tensor.internal.io.JsonFormatException;
import dev.granula.tensor.internal.io.StrictJson;
import dev.granula.tensor.safetensors.SafetensorsException.Rule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** {@code model.safetensors.index.json}: which tensor stands in which shard. */
final class CheckpointIndex {
  private static final long MAX_BYTES = 64L << 20;
  private static final int MAX_SHARDS = 4096;

  private CheckpointIndex() {}

  /**
   * Tensor to shard. A shard's name is a plain one: it cannot lead out of the folder. What breaks a
   * rule is noted and left out.
   */
  static Map<String, String> read(Path file, Problems problems) throws IOException {
    Map<String, String> shardOf = new TreeMap<>();
    try {
      JsonNode map = StrictJson.read(file, MAX_BYTES).path("weight_map");
      if (!map.isObject() || map.isEmpty()) {
        problem(file, problems, null, "weight_map must be an object with at least one tensor");
        return shardOf;
      }
      map.forEachEntry((tensor, shard) -> put(file, problems, shardOf, tensor, shard));
    } catch (JsonFormatException e) {
      problems.add(file, null, e.byteOffset(), Rule.INVALID_INDEX, "the index " + e.getMessage());
    }
    int shards = new TreeSet<>(shardOf.values()).size();
    if (shards > MAX_SHARDS) {
      problem(
          file,
          problems,
          null,
          "names %d shards, at most %d are read".formatted(shards, MAX_SHARDS));
    }
    return shardOf;
  }

  private static void put(
      Path file, Problems problems, Map<String, String> shardOf, String tensor, JsonNode shard) {
    if (!shard.isString()) {
      problem(file, problems, tensor, "the shard must be a string");
    } else if (!isPlainName(shard.stringValue())) {
      problems.add(
          file,
          tensor,
          -1,
          Rule.INVALID_SHARD,
          "the shard must be the plain name of a file in this folder, not '%s'"
              .formatted(SafetensorsException.printable(shard.stringValue())));
    } else {
      shardOf.put(tensor, shard.stringValue());
    }
  }

  /** Letters, digits and a few signs, on every system: no separators, drives, streams or dots. */
  private static boolean isPlainName(String name) {
    return name.matches("[\\p{L}\\p{N}_-][\\p{L}\\p{N}_. +=@()-]{0,254}")
        && !name.endsWith(".")
        && !name.endsWith(" ");
  }

  private static void problem(Path file, Problems problems, @Nullable String tensor, String text) {
    problems.add(file, tensor, -1, Rule.INVALID_INDEX, text);
  }
}
