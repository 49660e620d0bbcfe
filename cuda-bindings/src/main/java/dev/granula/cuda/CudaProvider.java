package dev.granula.cuda;

import dev.granula.tensor.Device;
import dev.granula.tensor.DeviceException;
import dev.granula.tensor.DeviceProvider;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** NVIDIA GPUs as {@code cuda}, {@code cuda:1} and so on. */
public final class CudaProvider implements DeviceProvider {
  /** For {@link java.util.ServiceLoader}. */
  public CudaProvider() {}

  @Override
  public String kind() {
    return "cuda";
  }

  @Override
  public int priority() {
    return 1;
  }

  /** The facts name the file and version of each library, or where it was looked for, and GPUs. */
  @Override
  public Status status() {
    Map<String, String> facts = new LinkedHashMap<>();
    for (Library library : Library.values()) {
      facts.put(library.key, Libraries.loaded().describe(library));
    }
    try {
      Installation installation = Installation.require();
      for (Library library : Library.values()) {
        facts.put(library.key, installation.describe(library));
      }
      List<Gpu> gpus = Gpu.all().toList();
      gpus.forEach(gpu -> facts.put(gpu.id(), gpu.toString()));
      Gpu first = gpus.isEmpty() ? Gpu.of(0) : gpus.getFirst();
      installation.checkSupports(first);
      String reason = "%s, driver for CUDA %s".formatted(first.name(), installation.driver());
      return new Status(true, reason, facts);
    } catch (DeviceException e) {
      String problem = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      return new Status(false, problem.replaceFirst("^cuda: ", ""), facts);
    }
  }

  @Override
  public Device open(int ordinal) {
    return CudaDevice.open(ordinal);
  }
}
