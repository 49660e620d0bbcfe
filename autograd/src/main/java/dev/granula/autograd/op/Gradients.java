package dev.granula.autograd.op;

import dev.granula.tensor.DType;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a vector-Jacobian product delivers its results. Ask {@link #needs} before computing
 * anything; then either hand a kernel the {@link #target} and {@link #write} of an input, or {@link
 * #pass} a gradient on unchanged. Un-broadcasting happens here and nowhere else.
 */
public final class Gradients {
  private final List<@Nullable GradientSlot> slots;
  private final List<Op.Spec> specs;
  private final boolean[] targeted;
  private final Write[] writes;
  private final List<Runnable> afterwards = new ArrayList<>();

  /** Per input what it is, and its slot or null where no gradient is needed; for the engine. */
  public Gradients(List<Op.Spec> specs, List<@Nullable GradientSlot> slots) {
    this.specs = specs;
    this.slots = slots;
    this.targeted = new boolean[slots.size()];
    this.writes = new Write[slots.size()];
  }

  public boolean needs(int i) {
    return slots.get(i) != null;
  }

  /** Number of inputs. */
  public int count() {
    return slots.size();
  }

  /** Shape of input {@code i}. */
  public Shape shape(int i) {
    return specs.get(i).shape();
  }

  public DType dtype(int i) {
    return specs.get(i).dtype();
  }

  /** The buffer for the gradient of input {@code i}, or null if it needs none. */
  public @Nullable Tensor target(int i) {
    GradientSlot slot = slots.get(i);
    if (slot == null) {
      return null;
    }
    targeted[i] = true;
    if (isTargetedEarlier(i)) {
      // One variable in two places of a fused kernel: the second place gets a buffer of its own.
      writes[i] = Write.SET;
      Tensor own = slot.empty(slot.shape());
      afterwards.add(() -> slot.add(own));
      return own;
    }
    writes[i] = slot.isFilled() ? Write.ADD : Write.SET;
    return slot.writable();
  }

  private boolean isTargetedEarlier(int i) {
    for (int j = 0; j < i; j++) {
      if (targeted[j] && slots.get(j) == slots.get(i)) {
        return true;
      }
    }
    return false;
  }

  /** How to store into {@link #target}, which is asked for first. */
  public Write write(int i) {
    return targeted[i] ? writes[i] : Write.SET;
  }

  /**
   * Hands on a gradient that needs no arithmetic; it may be larger than the input by broadcasting.
   */
  public void pass(int i, Tensor gradient) {
    GradientSlot slot = slots.get(i);
    if (slot == null) {
      return;
    }
    if (gradient.shape().equals(slot.shape())) {
      slot.add(gradient);
    } else {
      reduce(i, gradient);
    }
  }

  /**
   * A gradient of shape {@code shape}, as {@code kernel} writes it, for an input that was
   * broadcast.
   */
  public void contribute(int i, Shape shape, Kernel kernel) {
    GradientSlot slot = slots.get(i);
    if (slot == null) {
      return;
    }
    if (shape.equals(slot.shape())) {
      Tensor target = target(i);
      if (target != null) {
        kernel.run(target, write(i));
      }
      return;
    }
    try (Scope scratch = slot.device().memory().step()) {
      Tensor full = slot.empty(shape);
      kernel.run(full, Write.SET);
      reduce(i, full);
    }
  }

  /** Computes one gradient into {@code out}. */
  @FunctionalInterface
  public interface Kernel {
    void run(Tensor out, Write write);
  }

  /** Sums {@code full} over the dimensions in which input {@code i} was repeated. */
  private void reduce(int i, Tensor full) {
    Tensor target = target(i);
    if (target == null) {
      return;
    }
    long[] dims = new long[full.shape().rank()];
    int lead = dims.length - target.shape().rank();
    for (int d = 0; d < dims.length; d++) {
      dims[d] = d < lead ? 1 : target.shape().dim(d - lead);
    }
    full.backend().sum(full, target.reshape(dims), 1, write(i));
  }

  /** Adds what waited for the kernel to end; for the engine. */
  public void finish() {
    afterwards.forEach(Runnable::run);
  }
}
