package dev.granula.bench.work;

import dev.granula.models.CausalLm;
import dev.granula.models.Models;
import dev.granula.models.generation.GenerationOptions;
import dev.granula.models.generation.Generator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Decoding one text: GB/s of weights through the products alone and through the whole loop, and
 * GB/s of a plain read of memory, in turn.
 */
final class DecodeWork implements Work {
  private static final int TOKENS = 16;
  private static final int PROMPT = 16;
  private static final double SECONDS_PER_PART = 0.3;

  private final PlainRead read;
  private final WeightProducts products;
  private final Generator generator;

  DecodeWork(Options options) {
    read = new PlainRead(options.threads());
    ModelShape shape = ModelShape.of(options.text("shape", "qwen0.5b"));
    CausalLm model = Models.create(shape.config(), 1, options.device(), options.base());
    products = new WeightProducts(model);
    generator = new Generator(model);
  }

  @Override
  public List<String> parts() {
    return List.of("read", "products", "loop");
  }

  @Override
  public Map<String, Double> measure(String part) {
    double bytesPerSecond =
        switch (part) {
          case "read" -> PlainRead.BYTES / Clock.meanSeconds(read, SECONDS_PER_PART);
          case "products" -> products.bytes() / Clock.meanSeconds(products, SECONDS_PER_PART);
          case "loop" -> products.bytes() / secondsPerToken();
          default -> throw new IllegalArgumentException("unknown part: " + part);
        };
    return Map.of(part, bytesPerSecond / 1e9);
  }

  /** Between the first new token, before which the prompt is read, and the last. */
  private double secondsPerToken() {
    int[] prompt = IntStream.range(100, 100 + PROMPT).toArray();
    GenerationOptions options = GenerationOptions.greedy(TOKENS + 1).withStopTokenIds(List.of());
    long[] times = new long[TOKENS + 1];
    int[] count = {0};
    generator.generate(List.of(prompt), options, (_, _) -> times[count[0]++] = System.nanoTime());
    return (times[TOKENS] - times[0]) / 1e9 / TOKENS;
  }
}
