package dev.granula.nn;

import dev.granula.autograd.Variable;

/** A module with one input and one output; what a {@link Slot} of a linear layer holds. */
public abstract class Layer extends Module {
  public abstract Variable forward(Variable x);
}
