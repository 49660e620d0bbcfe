package dev.granula.models;

import dev.granula.nn.Parameter;
import dev.granula.tensor.DType;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.internal.io.AtomicFile;
import dev.granula.tensor.safetensors.Checkpoint;
import dev.granula.tensor.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** Writes a model directory, {@code config.json} last. */
final class ModelWriter {
  private static final Set<String> WEIGHT_SUFFIXES =
      Set.of(".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".index.json");

  private final CausalLm model;
  private final Models.SavedType type;

  ModelWriter(CausalLm model, Models.SavedType type) {
    this.model = model;
    this.type = type;
  }

  void write(Path directory) {
    Map<String, Parameter> parameters = model.namedParameters();
    checkNames(directory, parameters);
    try (Scope _ = model.device().memory().step()) {
      Files.createDirectories(directory);
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      parameters.forEach((name, p) -> tensors.put(name, converted(p.data(), savedType(name))));
      SafetensorsWriter.write(directory.resolve(Checkpoint.SINGLE_FILE), tensors);
      Path origin = model.origin().directory();
      if (origin != null && !Files.isSameFile(origin, directory)) {
        copyFiles(origin, directory);
      }
      DType main = savedType(parameters.keySet().iterator().next());
      String config = ConfigWriter.text(model.config(), origin, main);
      AtomicFile.write(directory.resolve(ConfigReader.CONFIG), channel -> put(channel, config));
    } catch (IOException e) {
      throw new UncheckedIOException(
          "save model: %s: cannot write it: %s".formatted(directory, e.getMessage()), e);
    }
  }

  private void checkNames(Path directory, Map<String, Parameter> parameters) {
    Set<String> expected = Weights.shapes(model.config()).keySet();
    List<String> problems = new ArrayList<>();
    for (String name : parameters.keySet()) {
      if (!expected.contains(name)) {
        problems.add("%s: is no weight of the model; merge or detach adapters".formatted(name));
      }
    }
    if (!problems.isEmpty()) {
      throw new ModelFormatException("save model " + directory, problems);
    }
  }

  private DType savedType(String name) {
    return type == Models.SavedType.F32 ? DType.F32 : model.origin().storedType(name);
  }

  private static Tensor converted(Tensor tensor, DType target) {
    return tensor.dtype() == target ? tensor : tensor.to(target);
  }

  /**
   * The tokenizer, generation_config.json, licence and the like: all but weights, config and what
   * is there already, such as the metrics of the run that saves here.
   */
  private static void copyFiles(Path origin, Path directory) throws IOException {
    try (Stream<Path> files = Files.list(origin)) {
      for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        String name = file.getFileName().toString();
        boolean weights = WEIGHT_SUFFIXES.stream().anyMatch(name::endsWith);
        Path copy = directory.resolve(name);
        boolean own = name.equals(ConfigReader.CONFIG) || Files.exists(copy);
        if (!weights && !own && !name.startsWith(".")) {
          AtomicFile.write(copy, channel -> copy(file, channel));
        }
      }
    }
  }

  private static void copy(Path file, FileChannel target) throws IOException {
    try (FileChannel source = FileChannel.open(file)) {
      long byteSize = source.size();
      for (long done = 0; done < byteSize; ) {
        done += source.transferTo(done, byteSize - done, target);
      }
    }
  }

  private static void put(FileChannel channel, String text) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
