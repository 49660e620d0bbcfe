package dev.granula.autograd.op;

import dev.granula.tensor.Backend;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What one call of an op keeps between its forward and its backward pass. */
public final class Context {
  private final Device device;
  private final boolean[] needs;
  private final boolean recording;
  private final List<@Nullable Saved> saved = new ArrayList<>();
  private final Map<Tensor, Recipe> recipes;

  /** Held without a slot: scratch of the forward pass until its end, attributes afterwards. */
  private final List<Tensor> held = new ArrayList<>();

  /** {@code recipe} holds the tensor's operands where it is not null; else the tensor is held. */
  private record Saved(Tensor tensor, @Nullable Recipe recipe) {
    void release() {
      if (recipe == null) {
        tensor.storage().release();
      } else {
        recipe.release();
      }
    }
  }

  /** {@code needs[i]}: whether input i needs a gradient; for the engine. */
  public Context(Device device, boolean[] needs, boolean recording) {
    this(device, needs, recording, Map.of());
  }

  /** {@code recipes}: what to keep in place of operands that can be computed again, by identity. */
  public Context(Device device, boolean[] needs, boolean recording, Map<Tensor, Recipe> recipes) {
    this.device = device;
    this.needs = needs;
    this.recording = recording;
    this.recipes = recipes;
  }

  public Device device() {
    return device;
  }

  public Backend backend() {
    return device.backend();
  }

  /**
   * True if a gradient with respect to input {@code i} will be asked for: only then save for it.
   */
  public boolean needs(int i) {
    return needs[i];
  }

  /** True if any input needs a gradient, so that {@link Op#vjp} will be called. */
  public boolean recording() {
    return recording;
  }

  /**
   * Keeps {@code tensor} until the backward pass has gone by; read it with {@link #saved}. The
   * output of a cheap op is computed again when it is read: the memory in between is free.
   */
  public void save(int slot, Tensor tensor) {
    if (!recording) {
      return;
    }
    while (saved.size() <= slot) {
      saved.add(null);
    }
    Recipe recipe = recipes.get(tensor);
    if (recipe == null || !recipe.isAvailable()) {
      recipe = null;
      tensor.storage().retain();
    } else {
      recipe.retain();
    }
    saved.set(slot, new Saved(tensor, recipe));
  }

  /** True if {@code tensor}, or its recipe, is kept until the backward pass has gone by. */
  boolean keeps(Tensor tensor) {
    for (Saved kept : saved) {
      if (kept != null && kept.tensor == tensor) {
        return true;
      }
    }
    return false;
  }

  /** What {@link #save} kept under {@code slot}. */
  public Tensor saved(int slot) {
    Saved kept = slot < saved.size() ? saved.get(slot) : null;
    if (kept == null) {
      throw new IllegalStateException("nothing was saved in slot " + slot);
    }
    if (kept.recipe != null) {
      return kept.recipe.value();
    }
    kept.tensor.storage().settle();
    return kept.tensor;
  }

  public boolean hasSaved(int slot) {
    return slot < saved.size() && saved.get(slot) != null;
  }

  /**
   * Memory with undefined content, until the end of this pass or, if saved, of the backward pass.
   */
  public Tensor scratch(DType dtype, Shape shape) {
    Tensor tensor = Tensor.empty(device, dtype, shape);
    hold(tensor);
    tensor.storage().releaseFromScope();
    return tensor;
  }

  private void hold(Tensor tensor) {
    tensor.storage().retain();
    held.add(tensor);
  }

  /**
   * Lets go of scratch memory and keeps what the op brought for its backward pass; the engine's.
   */
  public void endForward(List<Tensor> attributes) {
    releaseHeld();
    if (recording) {
      attributes.forEach(this::hold);
    }
  }

  /** Lets go of everything; for the engine. */
  public void release() {
    for (Saved kept : saved) {
      if (kept != null) {
        kept.release();
      }
    }
    saved.clear();
    releaseHeld();
  }

  private void releaseHeld() {
    held.forEach(tensor -> tensor.storage().release());
    held.clear();
  }
}
