package dev.granula.gralora;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.nn.Linear;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/**
 * The claim that GraLoRA exists for, on random layers in F64. With X the input, G = dL/dY and F =
 * G^T X the gradient of full fine-tuning, a step along the factors' gradients moves the weight by
 * the fused gradient. Which blocks of F does each of its blocks read?
 */
class GradientLocalisationTest {
  private static final Device DEVICE = CpuDevice.reference();
  private static final double ALPHA = 3;

  /** A layer of k x k blocks of size ob x ib, rank k s, T rows. */
  record Case(int k, int ib, int ob, int s, int rows, long seed) {
    int in() {
      return k * ib;
    }

    int out() {
      return k * ob;
    }

    int rank() {
      return k * s;
    }
  }

  @Provide
  Arbitrary<Case> cases() {
    return Combinators.combine(
            Arbitraries.integers().between(2, 4),
            Arbitraries.integers().between(1, 4),
            Arbitraries.integers().between(1, 4),
            Arbitraries.integers().between(1, 2),
            Arbitraries.integers().between(1, 5),
            Arbitraries.longs().between(1, 1 << 20))
        .as(Case::new);
  }

  /** A layer, its adapter, and gradients of the adapter and of the weight for chosen X and G. */
  private static final class Run {
    final Adapter adapter;
    final double[][] fused;
    final double[][] full;

    Run(Case c, AdapterConfig config, double[] x, double[] g) {
      RandomStream random = new RandomStream(c.seed);
      Linear linear = Layers.linear(DEVICE, DType.F64, random, c.out(), c.in());
      linear.weight().setTrainable(true);
      Layers.One model = new Layers.One(linear);
      Adapters adapters = Adapters.on(model, null, new RandomStream(0));
      adapters.attach("default", config, c.seed);
      adapter = adapters.layers().get("lin").adapters().get("default");
      Variable y = model.forward(Variable.constant(Tensor.of(DEVICE, x, c.rows, c.in())));
      y.backward(Tensor.of(DEVICE, g, c.rows, c.out()));
      fused = matrix(FusedGradient.of(model.lin.get()));
      full = matrix(FusedGradient.of(linear));
    }
  }

  private static GraLoraConfig gralora(Case c) {
    return GraLoraConfig.DEFAULT
        .withRank(c.rank(), 0, c.k)
        .withAlpha(ALPHA)
        .withInitWeights(false)
        .withTargets(Targets.names("lin"));
  }

  private static LoraConfig lora(Case c) {
    return LoraConfig.DEFAULT
        .withRank(c.rank())
        .withAlpha(ALPHA)
        .withInitWeights(false)
        .withTargets(Targets.names("lin"));
  }

  private static double[] random(long seed, int count) {
    return Layers.random(DEVICE, DType.F64, new RandomStream(seed), count).toDoubleArray();
  }

  private static double[][] matrix(Tensor tensor) {
    int rows = (int) tensor.shape().dim(0);
    int cols = (int) tensor.shape().dim(1);
    double[] flat = tensor.toDoubleArray();
    double[][] result = new double[rows][cols];
    for (int i = 0; i < rows; i++) {
      System.arraycopy(flat, i * cols, result[i], 0, cols);
    }
    return result;
  }

  /** Block (i, j) = (output, input) of the fused gradient is c^2 (F_ij A A^T + B B^T F_ij). */
  @Property(tries = 60, seed = "2505")
  void blockOfGraLoraIsExactlyEquation5(@ForAll("cases") Case c) {
    Run run =
        new Run(
            c,
            gralora(c),
            random(c.seed + 1, c.rows * c.in()),
            random(c.seed + 2, c.rows * c.out()));
    double[] a = run.adapter.factors().get(0).data().toDoubleArray();
    double[] b = run.adapter.factors().get(1).data().toDoubleArray();
    double scale = ALPHA / c.rank();
    for (int row = 0; row < c.out(); row++) {
      for (int col = 0; col < c.in(); col++) {
        double expected = equation5(c, a, b, run.full, row, col) * scale * scale;
        assertEquals(expected, run.fused[row][col], 1e-11, c + " at " + row + ", " + col);
      }
    }
  }

  private static double equation5(Case c, double[] a, double[] b, double[][] f, int row, int col) {
    int i = row / c.ob;
    int j = col / c.ib;
    double sum = 0;
    for (int p = 0; p < c.s; p++) {
      // A_ij [ib, s] = gralora_A[j][:, i s : (i+1) s]; B_ij [ob, s] = gralora_B[i][j s : (j+1) s,
      // :]^T
      int rankA = i * c.s + p;
      int rankB = j * c.s + p;
      double fa = 0;
      for (int n = 0; n < c.ib; n++) {
        fa += f[row][j * c.ib + n] * a[(j * c.ib + n) * c.rank() + rankA];
      }
      sum += fa * a[col * c.rank() + rankA];
      double bf = 0;
      for (int m = 0; m < c.ob; m++) {
        bf += b[(i * c.rank() + rankB) * c.ob + m] * f[i * c.ob + m][col];
      }
      sum += b[(i * c.rank() + rankB) * c.ob + row % c.ob] * bf;
    }
    return sum;
  }

  /** LoRA's block (i, j) = c^2 (sum_m F_im A_m^T A_j + sum_m B_i B_m^T F_mj), from autograd. */
  @Property(tries = 40, seed = "2505")
  void loraIsItsFormula(@ForAll("cases") Case c) {
    Run run = loraRun(c);
    double[] a = run.adapter.factors().get(0).data().toDoubleArray();
    double[] b = run.adapter.factors().get(1).data().toDoubleArray();
    double scale = ALPHA / c.rank();
    for (int row = 0; row < c.out(); row++) {
      for (int col = 0; col < c.in(); col++) {
        double expected = lora(c, a, b, run.full, row, col) * scale * scale;
        assertEquals(expected, run.fused[row][col], 1e-11, c + " at " + row + ", " + col);
      }
    }
  }

  /** Doubling one block of F changes block (0, 0) exactly if it reads it: 2k - 1 of k^2 blocks. */
  @Property(tries = 40, seed = "2505")
  void blockOfLoraReadsItsRowAndColumn(@ForAll("cases") Case c) {
    Run run = loraRun(c);
    double[] a = run.adapter.factors().get(0).data().toDoubleArray();
    double[] b = run.adapter.factors().get(1).data().toDoubleArray();
    double before = lora(c, a, b, run.full, 0, 0);
    int read = 0;
    for (int i = 0; i < c.k; i++) {
      for (int j = 0; j < c.k; j++) {
        boolean changed = lora(c, a, b, withDoubledBlock(c, run.full, i, j), 0, 0) != before;
        assertEquals(i == 0 || j == 0, changed, c + ": block " + i + ", " + j);
        read += changed ? 1 : 0;
      }
    }
    assertEquals(2 * c.k - 1, read);
  }

  private static Run loraRun(Case c) {
    return new Run(
        c, lora(c), random(c.seed + 1, c.rows * c.in()), random(c.seed + 2, c.rows * c.out()));
  }

  private static double[][] withDoubledBlock(Case c, double[][] f, int i, int j) {
    double[][] copy = new double[f.length][];
    for (int row = 0; row < f.length; row++) {
      copy[row] = f[row].clone();
      for (int col = j * c.ib; row / c.ob == i && col < (j + 1) * c.ib; col++) {
        copy[row][col] *= 2;
      }
    }
    return copy;
  }

  /** (F A^T A + B B^T F)[row, col] with lora_A [r, I] and lora_B [O, r]. */
  private static double lora(Case c, double[] a, double[] b, double[][] f, int row, int col) {
    double sum = 0;
    for (int p = 0; p < c.rank(); p++) {
      for (int n = 0; n < c.in(); n++) {
        sum += f[row][n] * a[p * c.in() + n] * a[p * c.in() + col];
      }
      for (int m = 0; m < c.out(); m++) {
        sum += b[row * c.rank() + p] * b[m * c.rank() + p] * f[m][col];
      }
    }
    return sum;
  }

  /** An outlier in one input channel: who sees it? */
  @Property(tries = 60, seed = "2505")
  void oneOutlierChannelStaysInItsBlockColumn(@ForAll("cases") Case c) {
    double[] x = random(c.seed + 1, c.rows * c.in());
    double[] g = random(c.seed + 2, c.rows * c.out());
    double[] amplified = x.clone();
    int channel = (int) (c.seed % c.in());
    for (int t = 0; t < c.rows; t++) {
      amplified[t * c.in() + channel] *= 50;
    }
    Run before = new Run(c, gralora(c), x, g);
    Run after = new Run(c, gralora(c), amplified, g);
    assertEquals(1, changedColumns(before.full, after.full), "full fine-tuning: one column");
    int block = channel / c.ib;
    int changedBlocks = 0;
    for (int i = 0; i < c.k; i++) {
      for (int j = 0; j < c.k; j++) {
        boolean changed = blockChanged(c, before.fused, after.fused, i, j);
        changedBlocks += changed ? 1 : 0;
        assertEquals(j == block, changed, "block " + i + ", " + j);
      }
    }
    assertEquals(c.k, changedBlocks, "exactly k of k^2 blocks");
    assertEquals(c.ib, changedColumns(before.fused, after.fused), "GraLoRA: I/k columns");
    Run loraBefore = new Run(c, lora(c), x, g);
    Run loraAfter = new Run(c, lora(c), amplified, g);
    assertEquals(c.in(), changedColumns(loraBefore.fused, loraAfter.fused), "LoRA: every column");
  }

  private static int changedColumns(double[][] a, double[][] b) {
    int changed = 0;
    for (int col = 0; col < a[0].length; col++) {
      boolean differs = false;
      for (int row = 0; row < a.length; row++) {
        differs |= a[row][col] != b[row][col];
      }
      changed += differs ? 1 : 0;
    }
    return changed;
  }

  private static boolean blockChanged(Case c, double[][] a, double[][] b, int i, int j) {
    for (int row = i * c.ob; row < (i + 1) * c.ob; row++) {
      for (int col = j * c.ib; col < (j + 1) * c.ib; col++) {
        if (a[row][col] != b[row][col]) {
          return true;
        }
      }
    }
    return false;
  }

  /** A hybrid part is plain LoRA: the outlier reaches blocks outside of its column again. */
  @Property(tries = 30, seed = "2505")
  void hybridPartBreaksLocalisation(@ForAll("cases") Case c) {
    double[] x = random(c.seed + 1, c.rows * c.in());
    double[] g = random(c.seed + 2, c.rows * c.out());
    double[] amplified = x.clone();
    for (int t = 0; t < c.rows; t++) {
      amplified[t * c.in()] *= 50;
    }
    GraLoraConfig hybrid = gralora(c).withRank(c.rank(), 1, c.k);
    Run before = new Run(c, hybrid, x, g);
    Run after = new Run(c, hybrid, amplified, g);
    assertTrue(blockChanged(c, before.fused, after.fused, 0, c.k - 1));
  }
}
