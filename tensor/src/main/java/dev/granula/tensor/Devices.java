package dev.granula.tensor;

import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Devices by name: {@code cpu}, {@code cuda}, {@code cuda:1}, or {@code auto}. */
public final class Devices {
  /** Takes the fastest kind that is available. */
  public static final String AUTO = "auto";

  private static final Pattern NAME = Pattern.compile("([a-z]+)(?::([0-9]{1,4}))?");

  /**
   * What {@code auto} comes to here.
   *
   * @param name of the device
   * @param reason in one line
   */
  public record Choice(String name, String reason) {
    /** The line that says so. */
    @Override
    public String toString() {
      return "device %s: %s".formatted(name, reason);
    }
  }

  private Devices() {}

  /** All kinds in this program, the preferred one first. */
  public static List<DeviceProvider> providers() {
    return ServiceLoader.load(DeviceProvider.class, Devices.class.getClassLoader()).stream()
        .map(ServiceLoader.Provider::get)
        .sorted(Comparator.comparingInt(DeviceProvider::priority).reversed())
        .toList();
  }

  /**
   * Opens a device; the caller closes it.
   *
   * @param name {@code auto}, or a kind, optionally with a colon and the number of the device,
   *     counted from 0
   * @throws DeviceException if the name is unknown or the device cannot be had; one that is asked
   *     for by name is never replaced by another
   */
  public static Device open(String name) {
    Matcher parts = NAME.matcher(name.equals(AUTO) ? choose().name() : name);
    if (parts.matches()) {
      for (DeviceProvider provider : providers()) {
        if (provider.kind().equals(parts.group(1))) {
          return provider.open(parts.group(2) == null ? 0 : Integer.parseInt(parts.group(2)));
        }
      }
    }
    throw new DeviceException(
        "open device: there is no '%s'; available: %s".formatted(name, names()));
  }

  /** The name that {@code auto} stands for, and why. */
  public static Choice choose() {
    StringBuilder passedOver = new StringBuilder();
    for (DeviceProvider provider : providers()) {
      DeviceProvider.Status status = provider.status();
      if (status.available()) {
        return new Choice(provider.kind(), status.reason() + passedOver);
      }
      passedOver.append("; no %s: %s".formatted(provider.kind(), status.reason()));
    }
    throw new DeviceException("open device: none is available" + passedOver);
  }

  /** Whether {@link #open} knows the kind that {@code name} names; it may still be missing here. */
  public static boolean isKnown(String name) {
    Matcher parts = NAME.matcher(name);
    return name.equals(AUTO)
        || parts.matches() && providers().stream().anyMatch(p -> p.kind().equals(parts.group(1)));
  }

  /** What can be asked for, for messages, for example {@code auto, cpu, cuda, cuda:N}. */
  public static String names() {
    StringBuilder names = new StringBuilder(AUTO);
    for (DeviceProvider provider : providers().reversed()) {
      names.append(", ").append(provider.kind());
    }
    return names.toString();
  }
}
