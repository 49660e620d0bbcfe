package dev.granula.cli;

import dev.granula.tensor.Device;
import dev.granula.tensor.Devices;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where to compute. */
final class DeviceOption {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--device",
      paramLabel = "auto|cpu|cuda|cuda:N",
      defaultValue = Devices.AUTO,
      description =
          "Where to compute; only auto chooses by itself, and says why (default:"
              + " ${DEFAULT-VALUE}).")
  private String name = Devices.AUTO;

  /** Opens the device that was asked for; the caller closes it. */
  Device open() {
    if (!Devices.isKnown(name)) {
      throw new ParameterException(
          spec.commandLine(),
          "--device: there is no '%s'; available: %s".formatted(name, Devices.names()));
    }
    if (!name.equals(Devices.AUTO)) {
      return Devices.open(name);
    }
    Devices.Choice choice = Devices.choose();
    spec.commandLine().getErr().println(choice);
    return Devices.open(choice.name());
  }
}
