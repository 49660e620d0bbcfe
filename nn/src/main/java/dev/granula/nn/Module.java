package dev.granula.nn;

import dev.granula.tensor.GranulaException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * A tree of layers. Children and parameters are registered by name in the constructor, without
 * reflection; dotted paths are the names in Hugging Face's files, such as {@code
 * model.layers.0.self_attn.q_proj.weight}.
 */
public abstract class Module {
  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private final Map<String, Slot<?>> children = new LinkedHashMap<>();
  private boolean training;

  /** Registers a weight of this module. */
  protected final Parameter register(String name, Parameter parameter) {
    checkFree(name);
    parameters.put(name, parameter);
    return parameter;
  }

  /** Registers a child that stays what it is. */
  protected final <M extends Module> M register(String name, M child) {
    checkFree(name);
    children.put(name, Slot.fixed(child));
    return child;
  }

  /** Registers a child that may be exchanged, as adapters do; call it through the slot. */
  protected final Slot<Layer> slot(String name, Layer child) {
    checkFree(name);
    Slot<Layer> slot = Slot.exchangeable(Layer.class, child);
    children.put(name, slot);
    return slot;
  }

  /** Takes a weight or child out of the tree. */
  protected final void unregister(String name) {
    parameters.remove(name);
    children.remove(name);
  }

  private void checkFree(String name) {
    if (parameters.containsKey(name) || children.containsKey(name) || name.isEmpty()) {
      throw new GranulaException(
          "register: the name '%s' is taken or empty in %s"
              .formatted(name, getClass().getSimpleName()));
    }
  }

  /** All modules of the tree by path, this one under the empty path, parents first. */
  public final Map<String, Module> namedModules() {
    Map<String, Module> result = new LinkedHashMap<>();
    walk("", result::put);
    return result;
  }

  /** All weights of the tree by path, in order of registration. */
  public final Map<String, Parameter> namedParameters() {
    Map<String, Parameter> result = new LinkedHashMap<>();
    walk(
        "",
        (path, module) -> module.parameters.forEach((name, p) -> result.put(join(path, name), p)));
    return result;
  }

  private void walk(String path, BiConsumer<String, Module> visitor) {
    visitor.accept(path, this);
    children.forEach((name, slot) -> slot.module().walk(join(path, name), visitor));
  }

  private static String join(String path, String name) {
    return path.isEmpty() ? name : path + "." + name;
  }

  /** The place of the child at {@code path}, through which it can be exchanged. */
  public final Slot<?> slotAt(String path) {
    String[] names = path.split("\\.", -1);
    Module parent = this;
    for (int i = 0; i < names.length - 1; i++) {
      parent = parent.child(names[i], path).module();
    }
    return parent.child(names[names.length - 1], path);
  }

  private Slot<?> child(String name, String path) {
    Slot<?> slot = children.get(name);
    if (slot == null) {
      throw new GranulaException(
          "module: there is no '%s' in path '%s'; %s has %s"
              .formatted(name, path, getClass().getSimpleName(), children.keySet()));
    }
    return slot;
  }

  /** The layer that maps hidden states to the vocabulary, which adapters leave alone by default. */
  public Optional<Layer> outputHead() {
    return Optional.empty();
  }

  /** Switches dropout on (training) or off in the whole tree. */
  public final void setTraining(boolean training) {
    walk("", (path, module) -> module.training = training);
  }

  public final boolean isTraining() {
    return training;
  }
}
