package dev.granula.autograd;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.Device;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Calls of ops: checks, shape rule, value, and a node where a gradient may be asked for. */
public final class Autograd {
  private static final ScopedValue<Boolean> RECORDING = ScopedValue.newInstance();

  private Autograd() {}

  /** Runs {@code body} without recording a graph: evaluation and generation. */
  public static <T> T noGrad(Supplier<T> body) {
    return ScopedValue.where(RECORDING, false).call(body::get);
  }

  /** Runs {@code body} with recording on, also inside {@link #noGrad}. */
  static <T> T recording(Supplier<T> body) {
    return ScopedValue.where(RECORDING, true).call(body::get);
  }

  public static boolean isRecording() {
    return RECORDING.orElse(true);
  }

  /**
   * Applies {@code op}. The result requires a gradient if an input does and recording is on; a
   * constant adds no node.
   */
  public static Variable apply(Op op, Variable... inputs) {
    Device device = commonDevice(op, inputs);
    boolean[] needs = new boolean[inputs.length];
    boolean recording = false;
    for (int i = 0; i < inputs.length; i++) {
      needs[i] = isRecording() && inputs[i].requiresGrad();
      recording |= needs[i];
    }
    List<Tensor> in = tensors(op, inputs);
    List<Op.Spec> specs = new ArrayList<>();
    in.forEach(t -> specs.add(new Op.Spec(t.shape(), t.dtype())));
    Op.Spec result = op.infer(specs);
    Context context = new Context(device, needs, recording);
    Tensor out = op.view(in);
    if (out == null) {
      out = Tensor.empty(device, result.dtype(), result.shape());
      op.forward(context, in, out);
    }
    return new Variable(out, recording, recording ? new Node(op, inputs, context) : null);
  }

  private static List<Tensor> tensors(Op op, Variable[] inputs) {
    List<Tensor> tensors = new ArrayList<>();
    for (Variable input : inputs) {
      tensors.add(op.takesStrides() ? input.data() : input.data().contiguous());
    }
    return tensors;
  }

  private static Device commonDevice(Op op, Variable[] inputs) {
    Device device = inputs[0].device();
    for (Variable input : inputs) {
      if (input.device() != device) {
        throw new DeviceException(
            "%s: operands are on different devices: %s and %s; move one with Tensor.to"
                .formatted(op.name(), device.name(), input.device().name()));
      }
    }
    return device;
  }

  /**
   * Runs {@code segment} now without keeping what its backward pass needs, and again when that pass
   * arrives: memory for time (Chen et al. 2016). Random streams named here are wound back for the
   * second run, so that it draws the same dropout masks. Parameters used inside get their gradients
   * also when {@code input} itself requires none.
   */
  public static Variable checkpoint(
      UnaryOperator<Variable> segment, @Nullable RandomStream random, Variable input) {
    if (!isRecording()) {
      return segment.apply(input);
    }
    return new Checkpoint(segment, random, random == null ? 0 : random.position()).run(input);
  }
}
