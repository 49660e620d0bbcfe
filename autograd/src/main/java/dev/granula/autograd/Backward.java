package dev.granula.autograd;

import dev.granula.autograd.op.GradientSlot;
import dev.granula.autograd.op.Gradients;
import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The engine: walks the graph from a result, each node once, without recursion. */
final class Backward {
  private Backward() {}

  /**
   * Carries {@code seed} back from {@code root}. Variables in {@code boundary} collect what arrives
   * and are not passed: their own turn is somebody else's.
   */
  static void run(Variable root, Tensor seed, Set<Variable> boundary) {
    List<Variable> order = consumersFirst(root, boundary);
    root.collecting().add(seed);
    try {
      order.forEach(Backward::visit);
    } catch (RuntimeException | Error e) {
      // Half a gradient must not meet the next pass through a shared part of the graph.
      order.forEach(Variable::abandonGradient);
      throw e;
    }
  }

  private static void visit(Variable variable) {
    try (Scope _ = variable.device().memory().scratch()) {
      Node node = variable.node();
      Tensor gradient = variable.finishGradient();
      if (node == null) {
        return;
      }
      if (gradient != null) {
        Tensor g = node.op.accepts(gradient) ? gradient : gradient.contiguous();
        Gradients gradients = new Gradients(Autograd.specs(node.inputs), slots(node));
        node.op.vjp(node.context, g, gradients);
        gradients.finish();
      }
      node.passed = true;
      if (node.deferred) {
        variable.deferredData().storage().abandon();
      }
      node.context.release();
      variable.releaseGradient();
    }
  }

  private static List<@Nullable GradientSlot> slots(Node node) {
    List<@Nullable GradientSlot> slots = new ArrayList<>();
    for (Variable input : node.inputs) {
      slots.add(input.requiresGrad() ? input.collecting() : null);
    }
    return slots;
  }

  /** Variables on a path to something that requires a gradient, users before what they use. */
  private static List<Variable> consumersFirst(Variable root, Set<Variable> boundary) {
    List<Variable> producersFirst = new ArrayList<>();
    Set<Variable> seen = new HashSet<>(boundary);
    Deque<Variable> path = new ArrayDeque<>();
    Deque<Integer> next = new ArrayDeque<>();
    if (seen.add(root)) {
      path.push(root);
      next.push(0);
    }
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
