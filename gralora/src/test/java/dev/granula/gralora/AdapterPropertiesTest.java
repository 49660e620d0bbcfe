package dev.granula.gralora;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.nn.Linear;
import dev.granula.nn.optim.Clipping;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.function.Consumer;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Laws of adapters on random layers, in F64 on the reference device. */
class AdapterPropertiesTest {
  private static final Device DEVICE = CpuDevice.reference();

  /** Divisible by 1, 2, 3, 4 and 6. */
  private static final int SIDE = 12;

  record Case(int k, int runs, int h, int in, int out, long seed) {
    int rank() {
      return k * runs;
    }
  }

  @Provide
  Arbitrary<Case> cases() {
    return Combinators.combine(
            Arbitraries.of(1, 2, 3, 4, 6),
            Arbitraries.integers().between(1, 3),
            Arbitraries.integers().between(0, 3),
            Arbitraries.integers().between(1, 2).map(n -> n * SIDE),
            Arbitraries.integers().between(1, 2).map(n -> n * SIDE),
            Arbitraries.longs().between(1, 1 << 20))
        .as(Case::new);
  }

  private static Layers.One model(Case c) {
    return new Layers.One(Layers.linear(DEVICE, DType.F64, new RandomStream(c.seed), c.out, c.in));
  }

  private static GraLoraConfig config(Case c) {
    return GraLoraConfig.DEFAULT
        .withRank(c.rank(), c.h, c.k)
        .withInitWeights(false)
        .withTargets(Targets.names("lin"));
  }

  private static Adapters attach(Layers.One model, AdapterConfig config, long seed) {
    Adapters adapters = Adapters.on(model, null, new RandomStream(seed));
    adapters.attach("default", config, seed);
    return adapters;
  }

  private static Variable input(Case c) {
    return Variable.constant(
        Layers.random(DEVICE, DType.F64, new RandomStream(c.seed + 1), 3, c.in));
  }

  private static double[] forward(Layers.One model, Case c) {
    return model.forward(input(c)).data().toDoubleArray();
  }

  @Property(tries = 40, seed = "2505")
  void mergedEqualsUnmerged(@ForAll("cases") Case c) {
    Layers.One model = model(c);
    Adapters adapters = attach(model, config(c), c.seed);
    double[] unmerged = forward(model, c);
    adapters.merge();
    assertArrayEquals(unmerged, forward(model, c), 1e-10);
    adapters.unmerge();
    assertArrayEquals(unmerged, forward(model, c), 0);
  }

  @Property(tries = 40, seed = "2505")
  void unmergingGivesBackTheVeryBits(@ForAll("cases") Case c) {
    Layers.One model = model(c);
    Linear base = (Linear) model.lin.get();
    double[] before = base.weight().data().toDoubleArray();
    Adapters adapters = attach(model, config(c), c.seed);
    adapters.merge();
    adapters.unmerge();
    adapters.detach("default");
    assertArrayEquals(before, ((Linear) model.lin.get()).weight().data().toDoubleArray(), 0);
  }

  @Property(tries = 40, seed = "2505")
  void numberOfParametersDoesNotDependOnBlocks(@ForAll("cases") Case c) {
    long count = attach(model(c), config(c), c.seed).parameterCount();
    assertEquals((long) (c.rank() + c.h) * (c.in + c.out), count);
  }

  @Property(tries = 40, seed = "2505")
  void rankOfTheUpdateIsKTimesR(@ForAll("cases") Case c) {
    Case plain = new Case(c.k, c.runs, 0, c.in, c.out, c.seed);
    Adapters adapters = attach(model(plain), config(plain), c.seed);
    Tensor delta = adapters.layers().get("lin").adapters().get("default").deltaWeight();
    int expected = Math.min(c.k * plain.rank(), Math.min(c.in, c.out));
    assertEquals(expected, rank(delta.toDoubleArray(), c.out, c.in));
  }

  /** Gaussian elimination with complete pivoting. */
  private static int rank(double[] m, int rows, int cols) {
    double largest = 0;
    int rank = 0;
    for (; rank < Math.min(rows, cols); rank++) {
      int pivot = rank * cols + rank;
      for (int i = rank; i < rows; i++) {
        for (int j = rank; j < cols; j++) {
          pivot = Math.abs(m[i * cols + j]) > Math.abs(m[pivot]) ? i * cols + j : pivot;
        }
      }
      largest = Math.max(largest, Math.abs(m[pivot]));
      if (Math.abs(m[pivot]) <= 1e-10 * largest) {
        return rank;
      }
      eliminate(m, rows, cols, rank, pivot / cols, pivot % cols);
    }
    return rank;
  }

  private static void eliminate(double[] m, int rows, int cols, int step, int row, int col) {
    for (int j = 0; j < cols; j++) {
      double t = m[step * cols + j];
      m[step * cols + j] = m[row * cols + j];
      m[row * cols + j] = t;
    }
    for (int i = 0; i < rows; i++) {
      double t = m[i * cols + step];
      m[i * cols + step] = m[i * cols + col];
      m[i * cols + col] = t;
    }
    for (int i = step + 1; i < rows; i++) {
      double factor = m[i * cols + step] / m[step * cols + step];
      for (int j = step; j < cols; j++) {
        m[i * cols + j] -= factor * m[step * cols + j];
      }
    }
  }

  @Property(tries = 30, seed = "2505")
  void oneBlockIsLora(@ForAll("cases") Case c) {
    Case one = new Case(1, c.rank(), 0, c.in, c.out, c.seed);
    Layers.One gralora = model(one);
    Adapters granular = attach(gralora, config(one).withAlpha(16), c.seed);
    Layers.One lora = model(one);
    LoraConfig config =
        LoraConfig.DEFAULT.withRank(one.rank()).withAlpha(16).withTargets(Targets.names("lin"));
    Adapters plain = attach(lora, config, c.seed);
    Adapter from = granular.layers().get("lin").adapters().get("default");
    Adapter to = plain.layers().get("lin").adapters().get("default");
    for (int i = 0; i < 2; i++) {
      Tensor factor = from.factors().get(i).data();
      Tensor flat = factor.reshape(factor.shape().dim(1), factor.shape().dim(2));
      to.factors().get(i).assign(flat.transpose(0, 1));
    }
    assertArrayEquals(forward(gralora, one), forward(lora, one), 1e-12);
    gralora.forward(input(one)).sum().backward();
    lora.forward(input(one)).sum().backward();
    double[] expected = FusedGradient.of(lora.lin.get()).toDoubleArray();
    assertArrayEquals(expected, FusedGradient.of(gralora.lin.get()).toDoubleArray(), 1e-10);
  }

  @Property(tries = 20, seed = "2505")
  void savedAdaptersLoadTheSame(@ForAll("cases") Case c) {
    withDirectory(
        directory -> {
          Layers.One model = model(c);
          Adapters adapters = attach(model, config(c), c.seed);
          adapters.save(directory, "default", PeftMetadata.causalLm("base"));
          Layers.One fresh = model(c);
          Adapters loaded = Adapters.on(fresh, null, new RandomStream(0));
          assertEquals("base", loaded.load(directory, "default").baseModel());
          assertEquals(config(c), loaded.configs().get("default"));
          assertArrayEquals(forward(model, c), forward(fresh, c), 0);
        });
  }

  private static void withDirectory(Consumer<Path> body) {
    try {
      Path directory = Files.createTempDirectory("adapter");
      body.accept(directory);
      try (Stream<Path> files = Files.walk(directory)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * One factor for all gradients: what happens in one block then scales the update of every other.
   */
  @Property(tries = 20, seed = "2505")
  void clippingCouplesBlocks(@ForAll("cases") Case c) {
    double[] before = clippedFirstBlock(c, 1);
    double[] after = clippedFirstBlock(c, 100);
    boolean unlike = false;
    for (int i = 0; i < before.length; i++) {
      unlike |= before[i] != after[i];
    }
    assertTrue(c.k == 1 || unlike, "an outlier in the last block changes the clipped first block");
  }

  /** The gradient of A's first block after clipping, when the last input channel is amplified. */
  private static double[] clippedFirstBlock(Case c, double outlier) {
    Layers.One model = model(c);
    Adapters adapters = attach(model, config(c), c.seed);
    double[] x = input(c).data().toDoubleArray();
    for (int t = 0; t < 3; t++) {
      x[t * c.in + c.in - 1] *= outlier;
    }
    Variable y = model.forward(Variable.constant(Tensor.of(DEVICE, x, 3, c.in)));
    y.backward(Tensor.full(DEVICE, DType.F64, Shape.of(3, c.out), 1));
    Clipping clipping = Clipping.of(adapters.parameters().values(), 1e-3);
    Tensor gradient =
        adapters.layers().get("lin").adapters().get("default").factors().getFirst().grad();
    double[] first = gradient.slice(0, 0, 1).toDoubleArray();
    double factor = clipping.factor().item();
    for (int i = 0; i < first.length; i++) {
      first[i] *= factor;
    }
    return first;
  }
}
