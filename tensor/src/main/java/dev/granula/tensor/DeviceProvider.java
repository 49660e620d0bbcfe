package dev.granula.tensor;

import java.util.Map;

/**
 * A kind of device, found by {@link java.util.ServiceLoader}, so that nobody compiles against a
 * back end that may be missing. {@link Devices} asks all of them.
 */
public interface DeviceProvider {
  /**
   * What is there, found without opening a device.
   *
   * @param available whether {@code open} can be expected to work
   * @param reason why, in one line: what was found, or what is missing and what to do
   * @param facts versions, files and devices, in the order in which to show them
   */
  record Status(boolean available, String reason, Map<String, String> facts) {}

  /** The first part of the names of its devices, for example {@code cuda}. */
  String kind();

  /** {@code auto} takes the available kind of the highest priority. */
  int priority();

  /** Never fails: what goes wrong is the reason. */
  Status status();

  /**
   * Opens device {@code ordinal}, counted from 0.
   *
   * @throws DeviceException if it cannot be had; another one is never taken instead
   */
  Device open(int ordinal);
}
