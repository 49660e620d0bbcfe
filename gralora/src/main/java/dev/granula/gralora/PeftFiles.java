package dev.granula.gralora;

import dev.granula.nn.Parameter;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.internal.io.AtomicFile;
import dev.granula.tensor.internal.io.JsonFormatException;
import dev.granula.tensor.internal.io.StrictJson;
import dev.granula.tensor.safetensors.SafetensorsFile;
import dev.granula.tensor.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * A folder with an adapter as PEFT's {@code save_pretrained} writes it: {@code adapter_config.json}
 * and {@code adapter_model.safetensors}, whose keys are {@code
 * base_model.model.<path>.<parameter>}.
 */
final class PeftFiles {
  static final String CONFIG = "adapter_config.json";
  static final String WEIGHTS = "adapter_model.safetensors";

  private static final String PREFIX = "base_model.model.";

  /** The version of PEFT whose layout this is. */
  private static final String PEFT_VERSION = "0.21.0";

  private static final long MAX_CONFIG_BYTES = 1 << 20;

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private final Path directory;
  private final AdapterConfig config;
  private final PeftMetadata metadata;

  private PeftFiles(Path directory, AdapterConfig config, PeftMetadata metadata) {
    this.directory = directory;
    this.config = config;
    this.metadata = metadata;
  }

  /** Reads the configuration; the weights are read by {@link #fill}. */
  static PeftFiles open(Path directory) {
    Path file = directory.resolve(CONFIG);
    List<String> missing = new ArrayList<>();
    for (String name : List.of(CONFIG, WEIGHTS)) {
      if (!Files.isRegularFile(directory.resolve(name))) {
        missing.add("%s is not there".formatted(directory.resolve(name)));
      }
    }
    AdapterException.throwIfAny("read adapter", missing);
    JsonNode json = parse(file);
    PeftFields fields = new PeftFields(file.toString(), json);
    String type = json.path("peft_type").asString("");
    AdapterConfig config =
        switch (type) {
          case "GRALORA" -> GraLoraConfig.fromPeft(fields);
          case "LORA" -> LoraConfig.fromPeft(fields);
          default ->
              throw new AdapterException(
                  "read " + file,
                  "`peft_type` must be GRALORA or LORA, it is '%s'".formatted(type));
        };
    PeftMetadata metadata =
        new PeftMetadata(
            text(json, "task_type"), text(json, "base_model_name_or_path"), text(json, "revision"));
    return new PeftFiles(directory, config, metadata);
  }

  private static JsonNode parse(Path file) {
    JsonNode json;
    try {
      json = StrictJson.read(file, MAX_CONFIG_BYTES);
    } catch (JsonFormatException e) {
      throw new AdapterException("read " + file, "not valid JSON: " + e.getMessage());
    } catch (IOException e) {
      throw new UncheckedIOException("read " + file, e);
    }
    if (!json.isObject()) {
      throw new AdapterException("read " + file, "must hold a JSON object");
    }
    return json;
  }

  private static @Nullable String text(JsonNode json, String name) {
    JsonNode node = json.get(name);
    return node == null || node.isNull() ? null : node.asString();
  }

  AdapterConfig config() {
    return config;
  }

  PeftMetadata metadata() {
    return metadata;
  }

  /**
   * Copies the tensors of the file into {@code adapters}, by path.
   *
   * @throws AdapterException with every missing, unexpected and mis-shaped tensor
   */
  void fill(Map<String, Adapter> adapters) {
    Map<String, Parameter> expected = keyed(adapters);
    Path file = directory.resolve(WEIGHTS);
    try (SafetensorsFile weights = SafetensorsFile.open(file)) {
      List<String> problems = new ArrayList<>();
      Set<String> found = weights.entries().keySet();
      missing(expected.keySet(), found).forEach(name -> problems.add(name + " is missing"));
      missing(found, expected.keySet()).forEach(name -> problems.add(name + " is unexpected"));
      expected.forEach(
          (name, parameter) -> {
            var entry = weights.entries().get(name);
            if (entry != null && !entry.shape().equals(parameter.shape())) {
              problems.add(
                  "%s is %s, it must be %s".formatted(name, entry.shape(), parameter.shape()));
            }
          });
      AdapterException.throwIfAny("read " + file, problems);
      expected.forEach(
          (name, parameter) -> parameter.assign(weights.read(name, parameter.data().device())));
    }
  }

  private static Set<String> missing(Set<String> wanted, Set<String> present) {
    Set<String> result = new TreeSet<>(wanted);
    result.removeAll(present);
    return result;
  }

  private static Map<String, Parameter> keyed(Map<String, Adapter> adapters) {
    Map<String, Parameter> keyed = new TreeMap<>();
    adapters.forEach(
        (path, adapter) ->
            adapter
                .namedParameters()
                .forEach((name, parameter) -> keyed.put(PREFIX + path + "." + name, parameter)));
    return keyed;
  }

  /** The weights come first and the configuration last; each appears whole or not at all. */
  static void save(
      Path directory,
      AdapterConfig config,
      Targets targets,
      Map<String, Adapter> adapters,
      PeftMetadata metadata) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    keyed(adapters).forEach((name, parameter) -> tensors.put(name, parameter.data()));
    byte[] json = JSON.writeValueAsBytes(fields(config, targets, metadata));
    try {
      Files.createDirectories(directory);
      SafetensorsWriter.write(directory.resolve(WEIGHTS), tensors, Map.of("format", "pt"));
      AtomicFile.write(directory.resolve(CONFIG), out -> out.write(ByteBuffer.wrap(json)));
    } catch (IOException e) {
      throw new UncheckedIOException("save adapter to " + directory, e);
    }
  }

  /** All fields of PEFT's configuration classes that have a meaning here, sorted by name. */
  private static Map<String, @Nullable Object> fields(
      AdapterConfig config, Targets targets, PeftMetadata metadata) {
    Map<String, @Nullable Object> fields = new TreeMap<>(config.toPeft());
    fields.put("peft_type", config.peftType());
    fields.put("peft_version", PEFT_VERSION);
    fields.put("bias", "none");
    fields.put("auto_mapping", null);
    fields.put("modules_to_save", null);
    fields.put("inference_mode", true);
    fields.put("task_type", metadata.taskType());
    fields.put("base_model_name_or_path", metadata.baseModel());
    fields.put("revision", metadata.revision());
    fields.put("target_modules", selection(targets.selection()));
    fields.put("layers_to_transform", orNull(targets.layersToTransform()));
    fields.put("layers_pattern", orNull(targets.layersPattern()));
    return fields;
  }

  private static @Nullable Object orNull(List<?> values) {
    return values.isEmpty() ? null : values;
  }

  private static @Nullable Object selection(Targets.Selection selection) {
    return switch (selection) {
      case Targets.Selection.Names(Set<String> names) -> names;
      case Targets.Selection.Regex(String pattern) -> pattern;
      case Targets.Selection.AllLinear() -> "all-linear";
      case Targets.Selection.ArchitectureDefault() -> null;
    };
  }
}
