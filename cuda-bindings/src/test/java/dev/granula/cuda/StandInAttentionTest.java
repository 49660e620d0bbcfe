package dev.granula.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.Write;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The variants of attention, for GPUs of other kinds, on the stand-in driver: no GPU. */
@EnabledIf(value = "dev.granula.cuda.StandIn#compilerIsThere", disabledReason = "no g++")
final class StandInAttentionTest {
  private static final long SEED = 7;
  private static final int QUERIES = 70;
  private static final int SIZE = 128;

  /** Half a unit in the last place of TF32 in each factor, and a few of them in a sum. */
  private static final double TF32 = 4e-3;

  private static final double F32 = 2e-5;

  /** Output and gradients of q, k and v, of two packed samples and two heads to a group. */
  private static List<float[]> attention(Precision precision) {
    try (CudaDevice device = CudaDevice.open(0, precision);
        Scope _ = device.memory().step()) {
      Random random = new Random(SEED);
      Tensor q = normal(device, random, 4);
      Tensor k = normal(device, random, 2);
      Tensor v = normal(device, random, 2);
      Tensor g = normal(device, random, 4);
      int[] first = new int[QUERIES];
      Arrays.fill(first, 45, QUERIES, 45);
      Tensor firstKey = Tensor.of(device, first, 1, QUERIES);
      Tensor out = Tensor.empty(device, DType.F32, q.shape());
      Tensor lse = Tensor.empty(device, DType.F32, Shape.of(1, 4, QUERIES));
      double scale = 1 / Math.sqrt(SIZE);
      device.backend().attention(q, k, v, firstKey, scale, out, lse);
      List<Tensor> results = new ArrayList<>(List.of(out));
      for (Tensor of : List.of(q, k, v)) {
        results.add(Tensor.empty(device, DType.F32, of.shape()));
      }
      device
          .backend()
          .attentionGrad(
              q,
              k,
              v,
              firstKey,
              scale,
              out,
              lse,
              g,
              results.get(1),
              Write.SET,
              results.get(2),
              Write.SET,
              results.get(3),
              Write.SET);
      return results.stream().map(Tensor::toFloatArray).toList();
    }
  }

  private static Tensor normal(CudaDevice device, Random random, int heads) {
    float[] values = new float[QUERIES * heads * SIZE];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.of(device, values, 1, QUERIES, heads, SIZE);
  }

  private static double difference(List<float[]> expected, List<float[]> actual) {
    double largest = 0;
    for (int r = 0; r < expected.size(); r++) {
      double scale = 0;
      double difference = 0;
      for (int i = 0; i < expected.get(r).length; i++) {
        scale = Math.max(scale, Math.abs(expected.get(r)[i]));
        difference = Math.max(difference, Math.abs(expected.get(r)[i] - actual.get(r)[i]));
      }
      largest = Math.max(largest, difference / scale);
    }
    return largest;
  }

  private static List<float[]> byTiles() {
    try (StandIn.Pretence _ = StandIn.pretend("capability=75")) {
      return attention(Precision.HIGHEST);
    }
  }

  /** Less shared memory: tiles of 16 and 8 columns, and at last no tensor cores. */
  @ParameterizedTest
  @CsvSource({"232448, 16", "84736, 16", "80000, 8", "60000, 0"})
  void smallerTilesComputeTheSame(int shared, int cols) {
    List<float[]> expected = byTiles();
    try (StandIn.Pretence _ = StandIn.pretend("shared=" + shared);
        CudaDevice device = CudaDevice.open(0);
        Scope _ = device.memory().step()) {
      Tensor q = normal(device, new Random(SEED), 4);
      AttentionPlan plan =
          AttentionPlan.of(AttentionPlan.Pass.BACKWARD, Gpu.of(0), Precision.HIGHEST, q);
      assertEquals(cols > 0, List.of(plan.definitions()).contains("COLS=" + cols));
      assertEquals(cols == 0, plan.file().startsWith("attention_tiles"));
      double difference = difference(expected, attention(Precision.HIGHEST));
      assertTrue(difference < F32, () -> "difference " + difference);
    }
  }

  @Test
  void lowerPrecisionRoundsToTf32() {
    List<float[]> expected = byTiles();
    StandIn.pretend("").close();
    double difference = difference(expected, attention(Precision.HIGH));
    assertTrue(difference > F32 && difference < TF32, () -> "difference " + difference);
    assertNotEquals(0, StandIn.calls("cuLaunchKernel"));
  }
}
