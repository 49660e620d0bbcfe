package dev.granula.autograd;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.VectorJacobian;
import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A segment that is run again in the backward pass; see {@link Autograd#checkpoint}. What no
 * backward pass reads, such as the last product of a decoder layer, is not computed a second time.
 * What the segment uses besides its input is an input of its node as well, so that the engine
 * visits those variables after it; the pass through the repeated segment adds to their gradients
 * and goes no further.
 */
record Checkpoint(
    UnaryOperator<Variable> segment,
    @Nullable RandomStream random,
    long position,
    Set<Variable> captured)
    implements VectorJacobian {

  /** Runs the segment without a graph; of its memory only the result outlives the call. */
  static Variable run(
      UnaryOperator<Variable> segment, @Nullable RandomStream random, Variable input) {
    long position = random == null ? 0 : random.position();
    Set<Variable> captured = new LinkedHashSet<>();
    Recording recording = Recording.off(captured);
    Variable result =
        Autograd.scratch(
            input.device(),
            () -> Autograd.recording(recording, () -> segment.apply(input.detach())));
    if (result.requiresGrad()) {
      captured.add(result);
    }
    if (!input.requiresGrad() && captured.isEmpty()) {
      return result;
    }
    Checkpoint checkpoint = new Checkpoint(segment, random, position, captured);
    return new Variable(result.data(), true, checkpoint.node(input));
  }

  private Node node(Variable input) {
    List<Variable> inputs = new ArrayList<>();
    inputs.add(input);
    inputs.addAll(captured);
    boolean[] needs = new boolean[inputs.size()];
    Arrays.fill(needs, true);
    needs[0] = input.requiresGrad();
    Context context = new Context(input.device(), needs, true);
    context.save(0, input.data());
    return new Node(this, inputs.toArray(Variable[]::new), context, false);
  }

  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Variable input = Variable.temporary(ctx.saved(0), grads.needs(0));
    Variable result = repeat(input);
    if (result.requiresGrad()) {
      Backward.run(result, g, captured);
    }
    Tensor gradient = input.grad();
    if (gradient != null) {
      grads.pass(0, gradient);
      input.zeroGrad();
    }
  }

  private Variable repeat(Variable input) {
    if (random == null) {
      return Autograd.recording(Recording.AGAIN, () -> segment.apply(input));
    }
    long resume = random.position();
    random.seek(position);
    try {
      return Autograd.recording(Recording.AGAIN, () -> segment.apply(input));
    } finally {
      random.seek(resume);
    }
  }

  @Override
  public boolean takesStrides() {
    return true;
  }
}
