package dev.granula.bench;

import dev.granula.autograd.Variable;
import dev.granula.gralora.Adapters;
import dev.granula.gralora.GraLoraConfig;
import dev.granula.gralora.Targets;
import dev.granula.models.CausalLm;
import dev.granula.models.ModelConfig;
import dev.granula.models.Models;
import dev.granula.models.TokenBatch;
import dev.granula.nn.optim.AdamW;
import dev.granula.nn.optim.Clipping;
import dev.granula.tensor.Device;
import dev.granula.tensor.cpu.Cpu;
import dev.granula.training.ResidentMemory;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Ten thousand training steps of a small model: resident memory at the end over that at step 1,000,
 * with a fixed heap, and the native memory that the pool holds.
 *
 * <pre>{@code
 * java -Xms512m -Xmx512m -XX:+AlwaysPreTouch --add-modules jdk.incubator.vector \
 *   -cp 'bench/target/lib/*' dev.granula.bench.LongRun
 * }</pre>
 */
public final class LongRun {
  private static final int STEPS = 10_000;
  private static final int REPORT_EVERY = 1_000;
  private static final int BATCH = 4;
  private static final int LENGTH = 32;
  private static final int VOCABULARY = 256;

  private LongRun() {}

  public static void main(String[] args) {
    Device device = Cpu.device();
    ModelConfig config =
        ModelConfig.builder("llama")
            .vocabularySize(VOCABULARY)
            .hiddenSize(64)
            .intermediateSize(176)
            .layers(2)
            .heads(4)
            .keyValueHeads(2)
            .contextLength(LENGTH)
            .build();
    CausalLm model = Models.create(config, 1, device);
    Adapters adapters = Adapters.on(model, "llama", model.random());
    GraLoraConfig gralora = GraLoraConfig.DEFAULT.withRank(16, 0, 2).withDropout(0.05);
    adapters.attach(Adapters.DEFAULT, gralora.withTargets(Targets.allLinear()), 1);
    model.setTraining(true);
    AdamW optimizer = new AdamW(adapters.parameters(), AdamW.Settings.DEFAULT);
    SplittableRandom random = new SplittableRandom(1);
    double first = Double.NaN;
    for (int i = 1; i <= STEPS; i++) {
      int[][] ids = new int[BATCH][LENGTH];
      for (int[] row : ids) {
        Arrays.setAll(row, _ -> random.nextInt(VOCABULARY));
      }
      try (var step = device.memory().step()) {
        TokenBatch batch = TokenBatch.of(device, ids, ids);
        Variable loss = model.loss(batch, 1.0 / (BATCH * (LENGTH - 1)));
        loss.backward();
        Clipping clipping = Clipping.of(adapters.parameters().values(), 1);
        optimizer.step(1e-4, clipping.factor());
        optimizer.zeroGrad();
      }
      if (i % REPORT_EVERY == 0) {
        long pool = device.memory().stats().slabBytes();
        double resident = ResidentMemory.bytes(pool);
        first = Double.isNaN(first) ? resident : first;
        System.out.printf(
            "step %5d  resident %.1f MiB, %.4f of step %d; pool %.1f MiB%n",
            i, resident / (1 << 20), resident / first, REPORT_EVERY, pool / (double) (1 << 20));
      }
    }
  }
}
