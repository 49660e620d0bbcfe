package dev.granula.models;

import dev.granula.autograd.Variable;
import dev.granula.nn.Layer;
import dev.granula.nn.Slot;

/** {@code down(silu(gate(x)) * up(x))} (Shazeer 2020). */
final class GatedMlp extends Layer {
  private final Slot<Layer> gateProjection;
  private final Slot<Layer> upProjection;
  private final Slot<Layer> downProjection;

  GatedMlp(Weights weights) {
    gateProjection = slot("gate_proj", weights.linear("gate_proj"));
    upProjection = slot("up_proj", weights.linear("up_proj"));
    downProjection = slot("down_proj", weights.linear("down_proj"));
  }

  @Override
  public Variable forward(Variable x) {
    Variable up = upProjection.get().forward(x);
    return downProjection.get().forward(gateProjection.get().forward(x).siluMul(up));
  }
}
