package dev.granula.autograd;

import dev.granula.autograd.op.Context;
import dev.granula.autograd.op.VectorJacobian;

/** One recorded call: how to go back, from where, and what was kept for it. */
final class Node {
  final VectorJacobian op;
  final Variable[] inputs;
  final Context context;
  boolean passed;

  Node(VectorJacobian op, Variable[] inputs, Context context) {
    this.op = op;
    this.inputs = inputs;
    this.context = context;
  }
}
