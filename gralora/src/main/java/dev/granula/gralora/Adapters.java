package dev.granula.gralora;

import dev.granula.autograd.RandomStream;
import dev.granula.nn.Linear;
import dev.granula.nn.Module;
import dev.granula.nn.Parameter;
import dev.granula.tensor.DType;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The adapters on one model: attach, activate, merge, save and load. Every method either succeeds
 * on all layers or changes none.
 *
 * <pre>{@code
 * Adapters adapters = Adapters.on(model, "llama", random);
 * adapters.attach("default", GraLoraConfig.DEFAULT, 42);
 * ...
 * adapters.save(directory, "default", PeftMetadata.causalLm("base-model"));
 * }</pre>
 */
public final class Adapters {
  /** The name that PEFT gives the first adapter. */
  public static final String DEFAULT = "default";

  static final String BASE_LAYER = "base_layer";

  private final Module model;
  private final @Nullable String modelType;
  private final RandomStream dropout;
  private final Map<String, AdaptedLinear> layers = new LinkedHashMap<>();
  private final Map<String, AdapterConfig> configs = new LinkedHashMap<>();
  private List<String> active = List.of();
  private List<String> merged = List.of();

  private Adapters(Module model, @Nullable String modelType, RandomStream dropout) {
    this.model = model;
    this.modelType = modelType;
    this.dropout = dropout;
  }

  /**
   * @param modelType key of the default targets, Hugging Face's {@code model_type}; null if targets
   *     are always named
   * @param dropout draws dropout masks; the model's own stream, so that checkpointing winds it back
   */
  public static Adapters on(Module model, @Nullable String modelType, RandomStream dropout) {
    return new Adapters(model, modelType, dropout);
  }

  /**
   * Puts a new adapter on every target and makes it the active one.
   *
   * @param seed of the initial values
   * @throws AdapterException before anything is changed, with all problems of all targets
   */
  public void attach(String name, AdapterConfig config, long seed) {
    TargetResolver.requireEveryName(model, config.targets());
    install(name, config, prepare(name, config, seed));
  }

  /** New adapters by path, on no layer yet. */
  private Map<String, Adapter> prepare(String name, AdapterConfig config, long seed) {
    requireUnmerged("attach");
    Map<String, Linear> targets = TargetResolver.resolve(model, modelType, config.targets());
    List<String> problems = new ArrayList<>();
    if (configs.containsKey(name) || !name.matches("[A-Za-z0-9_-]+") || name.equals(BASE_LAYER)) {
      problems.add(
          "the adapter name '%s' is taken or not made of letters, digits, - and _".formatted(name));
    }
    targets.forEach((path, base) -> problems.addAll(check(config, path, base)));
    targets.keySet().stream().filter(this::isForeign).forEach(path -> problems.add(foreign(path)));
    AdapterException.throwIfAny("attach adapter", problems);
    RandomStream random = new RandomStream(seed);
    Map<String, Adapter> adapters = new LinkedHashMap<>();
    targets.forEach((path, base) -> adapters.put(path, config.create(base, random)));
    return adapters;
  }

  /** True if another {@code Adapters} object has put its adapters there. */
  private boolean isForeign(String path) {
    return !layers.containsKey(path) && model.slotAt(path).get() instanceof AdaptedLinear;
  }

  private static String foreign(String path) {
    return path + " is adapted through another Adapters object; attach through that one";
  }

  private void install(String name, AdapterConfig config, Map<String, Adapter> adapters) {
    Map<String, Linear> linears = TargetResolver.linears(model);
    adapters.forEach((path, adapter) -> adapted(path, linears).add(name, adapter));
    configs.put(name, config);
    activate(name);
  }

  private static List<String> check(AdapterConfig config, String path, Linear base) {
    List<String> problems = new ArrayList<>(config.check(path, base));
    if (config.fanInFanOut() != base.isFanInFanOut()) {
      problems.add(
          "%s: fan_in_fan_out is %s but the layer's weight is %s; set it to %s"
              .formatted(
                  path,
                  config.fanInFanOut(),
                  base.isFanInFanOut() ? "[in, out]" : "[out, in]",
                  base.isFanInFanOut()));
    }
    return problems;
  }

  private AdaptedLinear adapted(String path, Map<String, Linear> linears) {
    AdaptedLinear known = layers.get(path);
    Linear base = linears.get(path);
    if (known != null || base == null) {
      return layer(path);
    }
    AdaptedLinear layer = new AdaptedLinear(base, dropout);
    layer.setTraining(base.isTraining());
    model.slotAt(path).set(layer);
    layers.put(path, layer);
    return layer;
  }

  /** Makes exactly these adapters active, in this order; none switches all off. */
  public void activate(String... names) {
    requireUnmerged("activate");
    List<String> unknown = new ArrayList<>(List.of(names));
    unknown.removeAll(configs.keySet());
    if (!unknown.isEmpty()) {
      throw new AdapterException(
          "activate", "no adapter %s; there are %s".formatted(unknown, configs.keySet()));
    }
    active = List.of(names);
    layers.values().forEach(layer -> layer.activate(active));
  }

  public List<String> active() {
    return active;
  }

  public Map<String, AdapterConfig> configs() {
    return Collections.unmodifiableMap(configs);
  }

  /** The adapted layers by path. */
  public Map<String, AdaptedLinear> layers() {
    return Collections.unmodifiableMap(layers);
  }

  /** The trainable weights of the active adapters by path. */
  public Map<String, Parameter> parameters() {
    Map<String, Parameter> result = new LinkedHashMap<>(model.namedParameters());
    result.values().removeIf(p -> p.role() != Parameter.Role.ADAPTER || !p.isTrainable());
    return result;
  }

  public long parameterCount() {
    return parameters().values().stream().mapToLong(p -> p.shape().elementCount()).sum();
  }

  /** Takes an adapter off; layers without any adapter get their base layer back. */
  public void detach(String name) {
    requireUnmerged("detach");
    if (configs.remove(name) == null) {
      throw new AdapterException("detach", "Adapter %s does not exist".formatted(name));
    }
    active = active.stream().filter(a -> !a.equals(name)).toList();
    layers
        .entrySet()
        .removeIf(
            entry -> {
              AdaptedLinear layer = entry.getValue();
              if (layer.adapters().containsKey(name)) {
                layer.remove(name);
              }
              if (layer.adapters().isEmpty()) {
                model.slotAt(entry.getKey()).set(layer.base());
                return true;
              }
              return false;
            });
  }

  private void requireUnmerged(String doing) {
    if (!merged.isEmpty()) {
      throw new AdapterException(
          doing, "adapters %s are merged; unmerge them first".formatted(merged));
    }
  }

  // ---- merging ----------------------------------------------------------------------------------

  /**
   * Adds the active adapters to the weights. The base weights are kept, so that {@link #unmerge}
   * gives back the very bits.
   *
   * @throws AdapterException if no adapter is active or a merged weight is not finite; then no
   *     layer is merged
   */
  public void merge() {
    requireUnmerged("merge");
    if (active.isEmpty()) {
      throw new AdapterException(
          "merge", "no adapter is active; activate one of " + configs.keySet());
    }
    mergedLayers(null).forEach((path, linear) -> layer(path).setMerged(linear));
    merged = active;
  }

  private AdaptedLinear layer(String path) {
    AdaptedLinear layer = layers.get(path);
    if (layer == null) {
      throw new AdapterException("find layer", "no adapted layer at " + path);
    }
    return layer;
  }

  public boolean isMerged() {
    return !merged.isEmpty();
  }

  /** Gives the base weights back, bit for bit. */
  public void unmerge() {
    layers.values().forEach(layer -> layer.setMerged(null));
    merged = List.of();
  }

  /**
   * Replaces adapted layers by plain linear layers with the active adapters in their weights, in
   * {@code dtype} or, where that is null, in the base's own type. Layers without an active adapter
   * get their base layer back.
   *
   * @throws AdapterException if a merged weight is not finite; then nothing is changed
   */
  public void mergeAndUnload(@Nullable DType dtype) {
    Map<String, Linear> results = mergedLayers(dtype);
    layers.forEach(
        (path, layer) -> {
          Linear result = results.get(path);
          model.slotAt(path).set(result == null ? layer.base() : result);
        });
    layers.clear();
    configs.clear();
    active = List.of();
    merged = List.of();
  }

  private Map<String, Linear> mergedLayers(@Nullable DType dtype) {
    Map<String, Linear> results = new LinkedHashMap<>();
    List<String> broken = new ArrayList<>();
    layers.forEach(
        (path, layer) -> {
          if (layer.active().isEmpty()) {
            return;
          }
          try (var scope = layer.base().weight().data().device().memory().step()) {
            Linear result = layer.merge(dtype);
            results.put(path, result);
            if (!isFinite(result.weight().data())) {
              broken.add(
                  path + ": NaN or infinity in the merged weight; the adapter seems to be broken");
            }
          }
        });
    AdapterException.throwIfAny("merge adapters " + active, broken);
    return results;
  }

  /** The norm is not finite exactly if an element is not (or squares beyond the range of F64). */
  private static boolean isFinite(Tensor weight) {
    Tensor wide = weight.to(DType.F64);
    Tensor norm = Tensor.empty(wide.device(), DType.F64, Shape.scalar());
    wide.backend().norm(List.of(wide), norm);
    return Double.isFinite(norm.item());
  }

  // ---- files ------------------------------------------------------------------------------------

  /**
   * Writes {@code adapter_config.json} and {@code adapter_model.safetensors} as PEFT reads them.
   */
  public void save(Path directory, String name, PeftMetadata metadata) {
    AdapterConfig config = configs.get(name);
    if (config == null) {
      throw new AdapterException("save", "Adapter %s does not exist".formatted(name));
    }
    Map<String, Adapter> adapters = new LinkedHashMap<>();
    layers.forEach(
        (path, layer) -> {
          Adapter adapter = layer.adapters().get(name);
          if (adapter != null) {
            adapters.put(path, adapter);
          }
        });
    Path folder = name.equals(DEFAULT) ? directory : directory.resolve(name);
    PeftFiles.save(folder, config, namedTargets(config, adapters.keySet()), adapters, metadata);
  }

  /** As PEFT does, the file names what was adapted: "all linear" and defaults become names. */
  private Targets namedTargets(AdapterConfig config, Set<String> paths) {
    Targets targets = config.targets();
    boolean named =
        targets.selection() instanceof Targets.Selection.Names
            || targets.selection() instanceof Targets.Selection.Regex;
    if (named) {
      return targets;
    }
    Set<String> last = new TreeSet<>();
    paths.forEach(path -> last.add(path.substring(path.lastIndexOf('.') + 1)));
    Targets byLastPart = targets.withSelection(new Targets.Selection.Names(last));
    boolean same = TargetResolver.resolve(model, modelType, byLastPart).keySet().equals(paths);
    return same ? byLastPart : targets.withSelection(new Targets.Selection.Names(paths));
  }

  /**
   * Attaches the adapter in {@code directory} under {@code name} and makes it active.
   *
   * @throws AdapterException with all missing, unexpected and mis-shaped tensors, before anything
   *     is changed
   */
  public PeftMetadata load(Path directory, String name) {
    PeftFiles files = PeftFiles.open(directory);
    Map<String, Adapter> adapters = prepare(name, files.config(), 0);
    files.fill(adapters);
    install(name, files.config(), adapters);
    return files.metadata();
  }
}
