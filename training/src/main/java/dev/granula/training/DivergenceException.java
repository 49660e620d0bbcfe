package dev.granula.training;

import dev.granula.tensor.GranulaException;

/**
 * A loss or gradient norm that is NaN or infinite. The step was not applied, so the weights are
 * those of the step before.
 */
public final class DivergenceException extends GranulaException {
  private static final long serialVersionUID = 1L;

  private final long step;
  private final boolean weightsAreFinite;

  DivergenceException(long step, boolean weightsAreFinite, String message) {
    super(message);
    this.step = step;
    this.weightsAreFinite = weightsAreFinite;
  }

  /** The step that was not applied, from 1. */
  public long step() {
    return step;
  }

  /** Whether the weights before that step are worth saving. */
  public boolean weightsAreFinite() {
    return weightsAreFinite;
  }
}
