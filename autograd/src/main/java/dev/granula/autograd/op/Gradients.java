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

  /** Inputs whose target was handed to a kernel that may not have run yet. */
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

  /** Element type of the gradient of input {@code i}: F64 or F32. */
  public DType dtype(int i) {
    return specs.get(i).dtype() == DType.F64 ? DType.F64 : DType.F32;
  }

  /**
   * The buffer for the gradient of input {@code i}, or null if it needs none. Ask once: a kernel
   * may not have run yet when it is asked again, so that the answer of {@link #write} would be a
   * guess.
   */
  public @Nullable Tensor target(int i) {
    GradientSlot slot = slots.get(i);
    if (slot == null) {
      return null;
    }
    if (targeted[i]) {
      throw new IllegalStateException("the target of input %d was asked for twice".formatted(i));
    }
    boolean shared = isTargetedElsewhere(i);
    targeted[i] = true;
    if (shared) {
      // One variable in two places of a fused kernel: the second place gets a buffer of its own.
      writes[i] = Write.SET;
      Tensor own = slot.empty(slot.shape());
      afterwards.add(() -> slot.add(own));
      return own;
    }
    writes[i] = slot.isFilled() ? Write.ADD : Write.SET;
    return slot.writable();
  }

  private boolean isTargetedElsewhere(int i) {
    for (int j = 0; j < targeted.length; j++) {
      if (j != i && targeted[j] && slots.get(j) == slots.get(i)) {
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
    if (!gradient.shape().equals(slot.shape())) {
      Tensor target = target(i);
      if (target != null) {
        reduce(gradient, target, write(i));
        targeted[i] = false;
      }
    } else if (isTargetedElsewhere(i)) {
      gradient.storage().retain();
      afterwards.add(
          () -> {
            slot.add(gradient);
            gradient.storage().release();
          });
    } else {
      slot.add(gradient);
    }
  }

  /**
   * A gradient of shape {@code shape}, as {@code kernel} writes it, for an input that was
   * broadcast.
   */
  public void contribute(int i, Shape shape, Kernel kernel) {
    GradientSlot slot = slots.get(i);
    Tensor target = target(i);
    if (slot == null || target == null) {
      return;
    }
    if (shape.equals(target.shape())) {
      kernel.run(target, write(i));
    } else {
      try (Scope _ = slot.device().memory().scratch()) {
        Tensor full = slot.empty(shape);
        kernel.run(full, Write.SET);
        reduce(full, target, write(i));
      }
    }
    targeted[i] = false;
  }

  /** Computes one gradient into {@code out}. */
  @FunctionalInterface
  public interface Kernel {
    void run(Tensor out, Write write);
  }

  /** Sums {@code full} over the dimensions in which the input was repeated. */
  private static void reduce(Tensor full, Tensor target, Write write) {
    long[] dims = new long[full.shape().rank()];
    int lead = dims.length - target.shape().rank();
    for (int d = 0; d < dims.length; d++) {
      dims[d] = d < lead ? 1 : target.shape().dim(d - lead);
    }
    full.backend().sum(full, target.reshape(dims), 1, write);
  }

  /** Adds what waited for the kernel to end; for the engine. */
  public void finish() {
    afterwards.forEach(Runnable::run);
  }
}
