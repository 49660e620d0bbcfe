package dev.granula.tensor;

/** Tensors of different devices in one operation, or a device that cannot do what was asked. */
public final class DeviceException extends GranulaException {
  private static final long serialVersionUID = 1L;

  public DeviceException(String message) {
    super(message);
  }

  public DeviceException(String message, Throwable cause) {
    super(message, cause);
  }
}
