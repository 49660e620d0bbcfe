package dev.granula.bench.gpu;

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
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Devices;
import dev.granula.tensor.Memory;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Seconds of a training step on any device, random tokens and weights: forward, backward, clipping
 * and AdamW. One JSON line goes to standard output; {@code bench/gpu/peer.py} measures the same
 * step of PyTorch and PEFT, by the same rules:
 *
 * <ul>
 *   <li>Steps warm up until {@code warm} seconds have passed since the end of the first, which
 *       makes and loads kernels, and there were at least five. Seconds, because the JVM compiles in
 *       the background: what the host takes to queue a step shrinks over some 200 of them. How many
 *       there were is printed.
 *   <li>{@code held_mib} is the free memory of the device, as the driver says it, before the model
 *       is made, less that after the last step. Neither pool gives memory back while there is
 *       enough, so this is the peak.
 * </ul>
 *
 * <pre>{@code
 * java -Dgranula.cuda.precision=medium -cp 'lib/*' dev.granula.bench.gpu.GpuStep \
 *   device=cuda shape=qwen0.5b base=bf16 method=gralora rank=32 k=2 steps=10 warm=15
 * }</pre>
 */
public final class GpuStep {
  private static final int WARM_STEPS = 5;

  private record Shape(ModelConfig config, int batch, int length) {}

  private GpuStep() {}

  public static void main(String[] args) {
    Map<String, String> options = new HashMap<>();
    for (String arg : args) {
      options.put(arg.substring(0, arg.indexOf('=')), arg.substring(arg.indexOf('=') + 1));
    }
    Shape shape = shape(options.getOrDefault("shape", "qwen0.5b"));
    int steps = Integer.parseInt(options.getOrDefault("steps", "10"));
    double warm = Double.parseDouble(options.getOrDefault("warm", "15"));
    try (Device device = Devices.open(options.getOrDefault("device", "cuda"))) {
      boolean narrow = options.getOrDefault("base", "f32").equals("bf16");
      long freeBefore = freeBytes(device);
      CausalLm model = Models.create(shape.config, 1, device, narrow ? DType.BF16 : DType.F32);
      Training training = new Training(model, shape, adapter(options));
      training.step();
      int warmUp = 1;
      for (long start = System.nanoTime();
          warmUp < WARM_STEPS || (System.nanoTime() - start) * 1e-9 < warm;
          warmUp++) {
        training.step();
      }
      double[] seconds = new double[steps];
      for (int i = 0; i < steps; i++) {
        seconds[i] = training.step();
      }
      Arrays.sort(seconds);
      System.out.printf(
          Locale.ROOT,
          "{\"system\":\"granula\",\"device\":\"%s\",\"options\":\"%s\",\"warm_up\":%d,\"loss\":%.3f,"
              + "\"held_mib\":%d,\"tokens_per_second\":%.1f}%n",
          device,
          String.join(" ", args),
          warmUp,
          training.loss,
          (freeBefore - freeBytes(device)) >> 20,
          shape.batch * shape.length / ((seconds[(steps - 1) / 2] + seconds[steps / 2]) / 2));
    }
  }

  /** What the driver calls free: room without the free blocks of the pool; 0 for a processor. */
  private static long freeBytes(Device device) {
    Memory.Room room = device.memory().room();
    Memory.Stats stats = device.memory().stats();
    return room == null || device.isHost()
        ? 0
        : room.bytes() - stats.slabBytes() + stats.usedBytes();
  }

  private static Shape shape(String name) {
    return switch (name) {
      case "tiny" -> new Shape(qwen2(512, 64, 96, 2, 4, 2, 64), 2, 32);
      case "qwen0.5b" -> new Shape(qwen2(151_936, 896, 4_864, 24, 14, 2, 1_024), 4, 1_024);
      case "qwen1.5b" -> new Shape(qwen2(151_936, 1_536, 8_960, 28, 12, 2, 1_024), 4, 1_024);
      default ->
          throw new IllegalArgumentException("shape must be tiny, qwen0.5b or qwen1.5b: " + name);
    };
  }

  private static ModelConfig qwen2(
      int vocabulary, int hidden, int mlp, int layers, int heads, int keyValueHeads, int context) {
    return ModelConfig.builder("qwen2")
        .vocabularySize(vocabulary)
        .hiddenSize(hidden)
        .intermediateSize(mlp)
        .layers(layers)
        .heads(heads)
        .keyValueHeads(keyValueHeads)
        .contextLength(context)
        .tiedEmbeddings(true)
        .build();
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

  private static final class Training {
    private final CausalLm model;
    private final Shape shape;
    private final Adapters adapters;
    private final AdamW optimizer;
    private final SplittableRandom random = new SplittableRandom(1);
    private double loss;

    Training(CausalLm model, Shape shape, AdapterConfig config) {
      this.model = model;
      this.shape = shape;
      adapters = Adapters.on(model, "qwen2", model.random());
      adapters.attach(Adapters.DEFAULT, config, 1);
      model.setTraining(true);
      optimizer = new AdamW(adapters.parameters(), AdamW.Settings.DEFAULT);
    }

    /** Seconds of one step, until its loss is known. */
    double step() {
      Device device = model.device();
      int[][] ids = new int[shape.batch][shape.length];
      for (int[] row : ids) {
        Arrays.setAll(row, _ -> random.nextInt(shape.config.vocabularySize()));
      }
      long start = System.nanoTime();
      try (var step = device.memory().step()) {
        Variable mean =
            model.loss(TokenBatch.of(device, ids, ids), 1.0 / (shape.batch * (shape.length - 1)));
        mean.backward();
        Clipping clipping = Clipping.of(adapters.parameters().values(), 1);
        optimizer.step(1e-4, clipping.factor());
        optimizer.zeroGrad();
        loss = mean.item();
      }
      return (System.nanoTime() - start) * 1e-9;
    }
  }
}
