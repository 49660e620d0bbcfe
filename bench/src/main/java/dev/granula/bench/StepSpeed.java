package dev.granula.bench;

import dev.granula.autograd.Variable;
import dev.granula.gralora.AdapterConfig;
import dev.granula.gralora.Adapters;
import dev.granula.gralora.GraLoraConfig;
import dev.granula.gralora.LoraConfig;
import dev.granula.gralora.Targets;
import dev.granula.models.CausalLm;
import dev.granula.models.ModelConfig;
import dev.granula.models.Models;
import dev.granula.models.TokenBatch;
import dev.granula.nn.optim.AdamW;
import dev.granula.nn.optim.Clipping;
import dev.granula.tensor.Device;
import dev.granula.tensor.cpu.Cpu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Tokens per second of a training step on random tokens: forward, backward, clipping and AdamW. One
 * JSON line goes to standard output; {@code peers/step.py} measures the same step of PyTorch and
 * PEFT.
 *
 * <pre>{@code
 * java --add-modules jdk.incubator.vector -cp 'bench/target/lib/*' dev.granula.bench.StepSpeed \
 *   shape=hidden512 method=gralora rank=32 k=2 steps=8
 * }</pre>
 */
public final class StepSpeed {
  private static final int WARM_UP = 3;

  private record Shape(ModelConfig config, int batch, int length) {}

  private StepSpeed() {}

  public static void main(String[] args) throws IOException {
    Map<String, String> options = new HashMap<>();
    for (String arg : args) {
      options.put(arg.substring(0, arg.indexOf('=')), arg.substring(arg.indexOf('=') + 1));
    }
    Shape shape = shape(options.getOrDefault("shape", "hidden512"));
    int steps = Integer.parseInt(options.getOrDefault("steps", "8"));
    double[] seconds = run(shape, adapter(options), WARM_UP + steps);
    double[] timed = Arrays.copyOfRange(seconds, WARM_UP, seconds.length);
    Arrays.sort(timed);
    double median = timed[timed.length / 2];
    System.out.printf(
        "{\"system\":\"granula\",\"options\":\"%s\",\"tokens_per_second\":%.1f,\"fastest\":%.1f,"
            + "\"peak_resident_mib\":%d}%n",
        String.join(" ", args),
        shape.batch * shape.length / median,
        shape.batch * shape.length / timed[0],
        peakResidentKib() / 1024);
  }

  /** Qwen2's architecture: the benchmark's small model, and Qwen2.5-0.5B. */
  private static Shape shape(String name) {
    return switch (name) {
      case "hidden512" ->
          new Shape(
              ModelConfig.builder("qwen2")
                  .vocabularySize(8192)
                  .hiddenSize(512)
                  .intermediateSize(1376)
                  .layers(8)
                  .heads(8)
                  .keyValueHeads(2)
                  .contextLength(1024)
                  .tiedEmbeddings(true)
                  .build(),
              4,
              256);
      case "qwen0.5b" ->
          new Shape(
              ModelConfig.builder("qwen2")
                  .vocabularySize(151936)
                  .hiddenSize(896)
                  .intermediateSize(4864)
                  .layers(24)
                  .heads(14)
                  .keyValueHeads(2)
                  .contextLength(1024)
                  .tiedEmbeddings(true)
                  .build(),
              1,
              256);
      default -> throw new IllegalArgumentException("shape must be hidden512 or qwen0.5b: " + name);
    };
  }

  private static AdapterConfig adapter(Map<String, String> options) {
    int rank = Integer.parseInt(options.getOrDefault("rank", "32"));
    int k = Integer.parseInt(options.getOrDefault("k", "2"));
    return switch (options.getOrDefault("method", "gralora")) {
      case "gralora" ->
          GraLoraConfig.DEFAULT
              .withRank(rank, 0, k)
              .withAlpha(2.0 * rank)
              .withTargets(Targets.allLinear());
      case "lora" ->
          LoraConfig.DEFAULT.withRank(rank).withAlpha(2.0 * rank).withTargets(Targets.allLinear());
      default -> throw new IllegalArgumentException("method must be gralora or lora");
    };
  }

  private static double[] run(Shape shape, AdapterConfig config, int steps) {
    Device device = Cpu.device();
    CausalLm model = Models.create(shape.config, 1, device);
    Adapters adapters = Adapters.on(model, "qwen2", model.random());
    adapters.attach("default", config, 1);
    model.setTraining(true);
    AdamW optimizer = new AdamW(adapters.parameters(), AdamW.Settings.DEFAULT);
    SplittableRandom random = new SplittableRandom(1);
    double[] seconds = new double[steps];
    for (int i = 0; i < steps; i++) {
      int[][] ids = new int[shape.batch][shape.length];
      for (int[] row : ids) {
        Arrays.setAll(row, _ -> random.nextInt(shape.config.vocabularySize()));
      }
      long start = System.nanoTime();
      try (var step = device.memory().step()) {
        TokenBatch batch = TokenBatch.of(device, ids, ids);
        Variable loss = model.loss(batch, 1.0 / (shape.batch * (shape.length - 1)));
        loss.backward();
        Clipping clipping = Clipping.of(adapters.parameters().values(), 1);
        optimizer.step(1e-4, clipping.factor());
        optimizer.zeroGrad();
        loss.item();
      }
      seconds[i] = (System.nanoTime() - start) * 1e-9;
    }
    return seconds;
  }

  private static long peakResidentKib() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return -1024;
    }
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElse(-1024);
  }
}
