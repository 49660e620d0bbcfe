package dev.granula.autograd;

import dev.granula.autograd.op.GradientSlot;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.Op;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The engine: walks the graph from a result, each node once, without recursion. */
final class Backward {
  private Backward() {}

  static void run(Variable root, Tensor seed) {
    List<Variable> order = consumersFirst(root);
    root.slot().add(seed);
    for (Variable variable : order) {
      visit(variable);
    }
  }

  private static void visit(Variable variable) {
    Node node = variable.node();
    Tensor gradient = variable.finishGradient();
    if (node == null) {
      return;
    }
    if (gradient != null) {
      try (Scope scratch = variable.device().memory().step()) {
        Tensor g = node.op.takesStrides() ? gradient : gradient.contiguous();
        Gradients gradients = new Gradients(specs(node), slots(node));
        node.op.vjp(node.context, g, gradients);
        gradients.finish();
      }
    }
    node.passed = true;
    node.context.release();
    variable.releaseGradient();
  }

  private static List<Op.Spec> specs(Node node) {
    List<Op.Spec> specs = new ArrayList<>();
    for (Variable input : node.inputs) {
      specs.add(new Op.Spec(input.shape(), input.dtype()));
    }
    return specs;
  }

  private static List<@Nullable GradientSlot> slots(Node node) {
    List<@Nullable GradientSlot> slots = new ArrayList<>();
    for (Variable input : node.inputs) {
      slots.add(input.requiresGrad() ? input.slot() : null);
    }
    return slots;
  }

  /** Variables on a path to something that requires a gradient, users before what they use. */
  private static List<Variable> consumersFirst(Variable root) {
    List<Variable> producersFirst = new ArrayList<>();
    Set<Variable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    Deque<Variable> path = new ArrayDeque<>();
    Deque<Integer> next = new ArrayDeque<>();
    seen.add(root);
    path.push(root);
    next.push(0);
    while (!path.isEmpty()) {
      Variable variable = path.peek();
      Node node = variable.node();
      int child = next.pop();
      if (node == null || child == node.inputs.length) {
        path.pop();
        producersFirst.add(variable);
        continue;
      }
      checkNotPassed(node);
      next.push(child + 1);
      Variable input = node.inputs[child];
      if (input.requiresGrad() && seen.add(input)) {
        path.push(input);
        next.push(0);
      }
    }
    Collections.reverse(producersFirst);
    return producersFirst;
  }

  private static void checkNotPassed(Node node) {
    if (node.passed) {
      throw new GranulaException(
          "backward: the graph of %s was already used; what it kept is freed after one pass, so"
                  .formatted(node.op.name())
              + " compute the forward pass again");
    }
  }
}
