package dev.granula.cli;

import dev.granula.tensor.cpu.CpuDevice;
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
      paramLabel = "auto|cpu",
      defaultValue = "auto",
      description = "Where to compute (default: ${DEFAULT-VALUE}).")
  private String name = "auto";

  CpuDevice open() {
    return switch (name) {
      case "auto", "cpu" -> CpuDevice.create();
      default ->
          throw new ParameterException(
              spec.commandLine(),
              "--device: there is no '%s' here; available: auto, cpu".formatted(name));
    };
  }
}
