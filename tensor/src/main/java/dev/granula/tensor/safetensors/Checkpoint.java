package dev.granula.tensor.safetensors;

import dev.granula.tensor.Device;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.safetensors.SafetensorsException.Problem;
import dev.granula.tensor.safetensors.SafetensorsException.Rule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The weights of a Hugging Face folder: {@code model.safetensors}, or the shards that {@code
 * model.safetensors.index.json} names. All headers are checked before the first tensor is read.
 */
public final class Checkpoint implements AutoCloseable {
  /** The file of a checkpoint that is not sharded. */
  public static final String SINGLE_FILE = "model.safetensors";

  /** The index of a sharded checkpoint. */
  public static final String INDEX_FILE = "model.safetensors.index.json";

  private static final String OPERATION = "open checkpoint";

  private final Path folder;
  private final Path realFolder;
  private final List<SafetensorsFile> shards = new ArrayList<>();
  private final Map<String, SafetensorsFile> shardOf = new TreeMap<>();

  private Checkpoint(Path folder) throws IOException {
    this.folder = folder;
    this.realFolder = folder.toRealPath();
  }

  /**
   * Opens the weights in {@code folder}.
   *
   * @throws SafetensorsException naming everything that is wrong with index and shards
   * @throws UncheckedIOException if a file cannot be read
   */
  public static Checkpoint open(Path folder) {
    Problems problems = new Problems(OPERATION);
    try {
      Checkpoint checkpoint = new Checkpoint(folder);
      boolean complete = false;
      try {
        checkpoint.openFiles(problems);
        problems.throwIfAny(folder);
        complete = true;
      } finally {
        if (!complete) {
          checkpoint.close();
        }
      }
      return checkpoint;
    } catch (IOException e) {
      throw new UncheckedIOException(
          "%s: %s: cannot read it: %s".formatted(OPERATION, folder, e.getMessage()), e);
    }
  }

  private void openFiles(Problems problems) throws IOException {
    Path index = folder.resolve(INDEX_FILE);
    if (Files.exists(folder.resolve(SINGLE_FILE))) {
      openShard(SINGLE_FILE, problems);
    } else if (Files.exists(index)) {
      Map<String, String> named = CheckpointIndex.read(index, problems);
      problems.throwIfAny(folder);
      for (String shard : new TreeSet<>(named.values())) {
        openShard(shard, problems);
      }
      problems.throwIfAny(folder);
      named.forEach((tensor, shard) -> checkPlace(index, tensor, shard, problems));
    } else {
      throw new IOException("there is neither %s nor %s".formatted(SINGLE_FILE, INDEX_FILE));
    }
  }

  private void openShard(String name, Problems problems) throws IOException {
    Path path = folder.resolve(name);
    if (!Files.exists(path)) {
      problems.add(path, null, -1, Rule.INVALID_SHARD, "the index names it, but it is not there");
      return;
    }
    if (!isInside(path.toRealPath())) {
      problems.add(path, null, -1, Rule.INVALID_SHARD, "is a link that leads out of the folder");
      return;
    }
    try {
      SafetensorsFile shard = SafetensorsFile.open(path);
      shards.add(shard);
      shard.entries().keySet().forEach(tensor -> put(tensor, shard, problems));
    } catch (SafetensorsException e) {
      e.problems().forEach(problems::add);
    }
  }

  /**
   * A link may stay in the folder or, as in Hugging Face's cache, lead from {@code
   * snapshots/REVISION} to {@code blobs} of the same repository.
   */
  private boolean isInside(Path real) {
    Path snapshots = realFolder.getParent();
    boolean cached =
        snapshots != null
            && snapshots.endsWith("snapshots")
            && real.startsWith(snapshots.resolveSibling("blobs"));
    return cached || real.startsWith(realFolder);
  }

  private void put(String tensor, SafetensorsFile shard, Problems problems) {
    SafetensorsFile other = shardOf.putIfAbsent(tensor, shard);
    if (other != null) {
      problems.add(
          shard.path(),
          tensor,
          shard.entry(tensor).begin(),
          Rule.DUPLICATE_TENSOR,
          "stands in %s as well".formatted(other.path().getFileName()));
    }
  }

  private void checkPlace(Path index, String tensor, String shard, Problems problems) {
    SafetensorsFile actual = shardOf.get(tensor);
    if (actual == null || !actual.path().equals(folder.resolve(shard))) {
      problems.add(
          index,
          tensor,
          -1,
          Rule.TENSOR_NOT_FOUND,
          "is said to stand in %s, %s"
              .formatted(
                  shard,
                  actual == null
                      ? "which has no such tensor"
                      : "but stands in " + actual.path().getFileName()));
    }
  }

  /** The tensors by name. */
  public Map<String, SafetensorsEntry> entries() {
    Map<String, SafetensorsEntry> entries = new TreeMap<>();
    shardOf.forEach((name, shard) -> entries.put(name, shard.entry(name)));
    return Collections.unmodifiableMap(entries);
  }

  /** Reads a tensor as it is stored; see {@link SafetensorsFile#read}. */
  public Tensor read(String name, Device device) {
    SafetensorsFile shard = shardOf.get(name);
    if (shard == null) {
      throw new SafetensorsException(
          OPERATION,
          new Problem(folder, name, -1, Rule.TENSOR_NOT_FOUND, "there is none in this checkpoint"));
    }
    return shard.read(name, device);
  }

  @Override
  public void close() {
    shards.forEach(SafetensorsFile::close);
  }
}
