package dev.granula.tensor.internal.io;

/** Bytes that are not strict JSON; whoever reads the file says which file and what it was for. */
public final class JsonFormatException extends Exception {
  private static final long serialVersionUID = 1L;
  private final long byteOffset;

  JsonFormatException(String message, long byteOffset) {
    super(message);
    this.byteOffset = byteOffset;
  }

  /** Where reading stopped, in bytes from the start. */
  public long byteOffset() {
    return byteOffset;
  }
}
