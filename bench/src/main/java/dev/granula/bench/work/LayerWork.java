package dev.granula.bench.work;

import dev.granula.tensor.Device;
import java.util.List;
import java.util.Map;

/**
 * Milliseconds of one adapted layer, forward and backward. LoRA answers under the names of
 * GraLoRA's settings, with their rank.
 */
final class LayerWork implements Work {
  private static final double SECONDS_PER_PART = 0.2;

  private final Parts<LayerPass> layers = new Parts<>();

  LayerWork(Options options) {
    boolean lora = options.text("method", "gralora").equals("lora");
    Device device = options.device();
    for (int rank : new int[] {32, 64}) {
      for (int blocks : new int[] {2, 4}) {
        LayerPass pass = new LayerPass(device, rank, lora ? 0 : blocks);
        layers.add("r%d k%d".formatted(rank, blocks), pass);
      }
    }
  }

  @Override
  public List<String> parts() {
    return layers.names();
  }

  @Override
  public Map<String, Double> measure(String part) {
    return Map.of(part, 1e3 * Clock.meanSeconds(layers.get(part), SECONDS_PER_PART));
  }
}
