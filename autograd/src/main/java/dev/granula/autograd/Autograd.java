package dev.granula.autograd;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Op;
import dev.granula.autograd.op.Recipe;
import dev.granula.tensor.Device;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.Scope;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Calls of ops: checks, shape rule, value, and a node where a gradient may be asked for. */
public final class Autograd {
  private static final ScopedValue<Recording> RECORDING = ScopedValue.newInstance();

  /** Results that wait for one another are computed by recursion. */
  private static final int MOST_DEFERRED = 64;

  private Autograd() {}

  /** Runs {@code body} without recording a graph: evaluation and generation. */
  public static <T> T noGrad(Supplier<T> body) {
    return recording(Recording.OFF, body);
  }

  static <T> T recording(Recording recording, Supplier<T> body) {
    return ScopedValue.where(RECORDING, recording).call(body::get);
  }

  public static boolean isRecording() {
    return current().isOn();
  }

  private static Recording current() {
    return RECORDING.orElse(Recording.ON);
  }

  /**
   * Runs {@code body}. Of the memory that is made meanwhile, the result and what backward passes
   * need outlive the call.
   */
  public static Variable scratch(Device device, Supplier<Variable> body) {
    try (Scope scope = device.memory().scratch()) {
      Variable result = body.get();
      scope.keep(result.deferredData());
      return result;
    }
  }

  /**
   * Applies {@code op}. The result requires a gradient if an input does and recording is on; a
   * constant adds no node.
   *
   * @throws DeviceException if operands or attributes are on different devices
   */
  public static Variable apply(Op op, Variable... inputs) {
    Device device = commonDevice(op, inputs);
    boolean[] needs = needs(inputs);
    boolean recorded = false;
    for (boolean need : needs) {
      recorded |= need;
    }
    Op.Spec result = op.infer(specs(inputs));
    List<Tensor> in = tensors(op, inputs);
    List<@Nullable Recipe> recipes = recipes(inputs, in);
    Context context = new Context(device, needs, recorded, byTensor(in, recipes));
    Recipe recipe = null;
    boolean deferred = false;
    Tensor out = op.view(in);
    if (out == null) {
      out = Tensor.empty(device, result.dtype(), result.shape());
      deferred = recorded && defer(op, context, in, out);
      if (!deferred) {
        in.forEach(operand -> operand.storage().settle());
        op.forward(context, in, out);
      }
      context.endForward(op.attributes());
      recipe = recorded ? Recipe.of(op, context, in, recipes, out) : null;
      // To the collector of the default scope a kernel's operands look unused while it runs.
      Reference.reachabilityFence(op);
      Reference.reachabilityFence(in);
      Reference.reachabilityFence(out);
    }
    return new Variable(
        out, recorded, recorded ? new Node(op, inputs, context, deferred) : null, recipe);
  }

  /** Leaves the result to its first reader, where the call repeats another and the op can. */
  private static boolean defer(Op op, Context context, List<Tensor> in, Tensor out) {
    if (!current().defers()) {
      return false;
    }
    int depth = in.stream().mapToInt(operand -> operand.storage().deferredDepth()).max().orElse(0);
    if (depth >= MOST_DEFERRED) {
      return false;
    }
    Runnable rest = op.deferred(context, in, out);
    if (rest == null) {
      return false;
    }
    out.storage().defer(in.stream().map(Tensor::storage).toList(), rest);
    return true;
  }

  /** The recipes of operands that are read as they are, not as a row-major copy. */
  private static List<@Nullable Recipe> recipes(Variable[] inputs, List<Tensor> in) {
    List<@Nullable Recipe> recipes = new ArrayList<>();
    for (int i = 0; i < inputs.length; i++) {
      recipes.add(inputs[i].deferredData() == in.get(i) ? inputs[i].recipe() : null);
    }
    return recipes;
  }

  private static Map<Tensor, Recipe> byTensor(List<Tensor> in, List<@Nullable Recipe> recipes) {
    Map<Tensor, Recipe> byTensor = new IdentityHashMap<>();
    for (int i = 0; i < in.size(); i++) {
      if (recipes.get(i) instanceof Recipe recipe) {
        byTensor.put(in.get(i), recipe);
      }
    }
    return byTensor;
  }

  private static boolean[] needs(Variable[] inputs) {
    Recording recording = current();
    boolean[] needs = new boolean[inputs.length];
    for (int i = 0; i < inputs.length; i++) {
      needs[i] = recording.isOn() && inputs[i].requiresGrad();
      if (!needs[i] && inputs[i].requiresGrad()) {
        recording.capture(inputs[i]);
      }
    }
    return needs;
  }

  static List<Op.Spec> specs(Variable... inputs) {
    List<Op.Spec> specs = new ArrayList<>();
    for (Variable input : inputs) {
      specs.add(new Op.Spec(input.shape(), input.dtype()));
    }
    return specs;
  }

  private static List<Tensor> tensors(Op op, Variable[] inputs) {
    List<Tensor> tensors = new ArrayList<>();
    for (Variable input : inputs) {
      tensors.add(accepted(op, input.deferredData()));
    }
    return tensors;
  }

  private static Tensor accepted(Op op, Tensor data) {
    if (op.accepts(data)) {
      return data;
    }
    data.storage().settle();
    return data.contiguous();
  }

  private static Device commonDevice(Op op, Variable[] inputs) {
    if (inputs.length == 0) {
      throw new ShapeException("%s: needs at least one operand".formatted(op.name()));
    }
    Device device = inputs[0].device();
    for (Variable input : inputs) {
      checkDevice(op, device, input.device());
    }
    for (Tensor attribute : op.attributes()) {
      checkDevice(op, device, attribute.device());
    }
    return device;
  }

  private static void checkDevice(Op op, Device expected, Device found) {
    if (!found.equals(expected)) {
      throw new DeviceException(
          "%s: operands are on different devices: %s and %s; move one with Tensor.to"
              .formatted(op.name(), expected.name(), found.name()));
    }
  }

  /**
   * Runs {@code segment} now without keeping what its backward pass needs, and again when that pass
   * arrives: memory for time (Chen et al. 2016). {@code random} is wound back for the second run,
   * so that it draws the same dropout masks. Parameters and other variables that the segment uses
   * get their gradients too, also when {@code input} itself requires none.
   */
  public static Variable checkpoint(
      UnaryOperator<Variable> segment, @Nullable RandomStream random, Variable input) {
    if (!isRecording()) {
      return segment.apply(input);
    }
    return Checkpoint.run(segment, random, input);
  }
}
