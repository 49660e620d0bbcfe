package dev.granula.bench.work;

import java.util.List;
import java.util.Map;

/** Passes per second of attention, forward and backward, by length. */
final class AttentionWork implements Work {
  private static final double SECONDS_PER_PART = 0.2;

  private final Parts<AttentionPass> passes = new Parts<>();

  AttentionWork(Options options) {
    var device = options.device();
    for (int length : new int[] {256, 1024}) {
      passes.add("length " + length, new AttentionPass(device, length));
    }
  }

  @Override
  public List<String> parts() {
    return passes.names();
  }

  @Override
  public Map<String, Double> measure(String part) {
    return Map.of(part, 1 / Clock.meanSeconds(passes.get(part), SECONDS_PER_PART));
  }
}
