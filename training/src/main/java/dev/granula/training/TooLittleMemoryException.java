package dev.granula.training;

import dev.granula.tensor.GranulaException;
import dev.granula.tensor.Memory;

/** A run whose first step would not fit into memory; nothing was changed but a new adapter. */
public final class TooLittleMemoryException extends GranulaException {
  private static final long serialVersionUID = 1L;
  private static final double BYTES_PER_MB = 1e6;

  private final long neededBytes;
  private final long availableBytes;

  TooLittleMemoryException(String device, StepMemory step, Memory.Room room, String advice) {
    super(
        ("train: a step needs about %,.0f MB on %s (%,.0f MB for gradients and optimizer state,"
                + " %,.0f MB for activations) and there are %,.0f MB, by %s; %s")
            .formatted(
                step.bytes() / BYTES_PER_MB,
                device,
                step.stateBytes() / BYTES_PER_MB,
                step.activationBytes() / BYTES_PER_MB,
                room.bytes() / BYTES_PER_MB,
                room.limit(),
                advice));
    this.neededBytes = step.bytes();
    this.availableBytes = room.bytes();
  }

  /** What a step needs besides what is held already. */
  public long neededBytes() {
    return neededBytes;
  }

  public long availableBytes() {
    return availableBytes;
  }
}
