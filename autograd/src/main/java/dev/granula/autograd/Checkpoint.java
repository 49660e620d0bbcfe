package dev.granula.autograd;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.Gradients;
import dev.granula.autograd.op.VectorJacobian;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A segment that is run again in the backward pass; see {@link Autograd#checkpoint}. */
record Checkpoint(UnaryOperator<Variable> segment, @Nullable RandomStream random, long position)
    implements VectorJacobian {

  /** Runs the segment without a graph; of its memory only the result outlives the call. */
  Variable run(Variable input) {
    try (Scope scope = input.device().memory().step()) {
      Variable result = Autograd.noGrad(() -> segment.apply(input));
      scope.keep(result.data());
      boolean[] needs = {input.requiresGrad()};
      Context context = new Context(input.device(), needs, true);
      context.save(0, input.data());
      return new Variable(result.data(), true, new Node(this, new Variable[] {input}, context));
    }
  }

  @Override
  public void vjp(Context ctx, Tensor g, Gradients grads) {
    Tensor data = ctx.saved(0);
    Variable input = grads.needs(0) ? Variable.leaf(data) : Variable.constant(data);
    Variable result = repeat(input);
    if (result.requiresGrad()) {
      result.backward(g);
    }
    Tensor gradient = input.grad();
    if (gradient != null) {
      grads.pass(0, gradient);
      input.zeroGrad();
    }
  }

  private Variable repeat(Variable input) {
    if (random == null) {
      return Autograd.recording(() -> segment.apply(input));
    }
    long resume = random.position();
    random.seek(position);
    Variable result = Autograd.recording(() -> segment.apply(input));
    random.seek(resume);
    return result;
  }

  @Override
  public boolean takesStrides() {
    return true;
  }
}
