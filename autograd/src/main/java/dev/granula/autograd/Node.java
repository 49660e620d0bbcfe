package dev.granula.autograd;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.VectorJacobian;

/** One recorded call: how to go back, from where, and what was kept for it. */
final class Node {
  final VectorJacobian op;
  final Variable[] inputs;
  final Context context;

  /** Whether the result was left to a computation that reads what the context keeps. */
  final boolean deferred;

  boolean passed;

  Node(VectorJacobian op, Variable[] inputs, Context context, boolean deferred) {
    this.op = op;
    this.inputs = inputs;
    this.context = context;
    this.deferred = deferred;
  }
}
