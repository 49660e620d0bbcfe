package dev.granula.tensor;

/** The device has no memory left for a request, also after the pool of free blocks was emptied. */
public final class MemoryExhaustedException extends GranulaException {
  private static final long serialVersionUID = 1L;
  private final long requestedBytes;
  private final long heldBytes;

  public MemoryExhaustedException(
      String device, long requestedBytes, long heldBytes, Throwable cause) {
    super(
        "allocate: %s is out of memory: asked for %,d bytes while %,d bytes are held;"
                .formatted(device, requestedBytes, heldBytes)
            + " lower the batch size or the maximum length, or turn on gradient checkpointing",
        cause);
    this.requestedBytes = requestedBytes;
    this.heldBytes = heldBytes;
  }

  public long requestedBytes() {
    return requestedBytes;
  }

  public long heldBytes() {
    return heldBytes;
  }
}
