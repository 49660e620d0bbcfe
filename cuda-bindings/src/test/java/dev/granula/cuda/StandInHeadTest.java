package dev.granula.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.DType;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How the head of a model is cut into products. */
@EnabledIf(
    value = "dev.granula.cuda.StandIn#compilerIsThere",
    disabledReason = "g++ is not on the PATH: the CUDA kernels are not tested")
final class StandInHeadTest {
  /** Rows, vocabulary, rows of logits at a time. */
  @ParameterizedTest
  @CsvSource({
    "4096, 151936, 1024",
    "4096, 128256, 1024",
    "1100, 151936, 640",
    "1000, 151936, 1024",
    "100000, 722, 100096",
    "300000, 722, 150016",
    "4096, 2000000, 83",
    "4096, 400000000, 1",
    "0, 151936, 128",
    "5, 0, 128"
  })
  void logitsAreBounded(long rows, long vocabulary, long chunk) {
    assertEquals(chunk, Losses.rowsInChunk(rows, Float.BYTES * vocabulary));
  }

  /** Beside a BF16 weight the gradients of the logits become terms, 256 MiB of them at a time. */
  @Test
  void theVocabularyIsCutForTheTermsOfTheGradients() {
    int rows = 1024;
    int vocabulary = 45_000;
    Random random = new Random(3);
    float[] states = new float[rows];
    float[] factors = new float[vocabulary];
    for (int i = 0; i < vocabulary; i++) {
      states[i % rows] = (float) random.nextGaussian();
      factors[i] = (float) random.nextGaussian();
    }
    CudaDevice device = StandIn.device();
    try (Scope _ = device.memory().step();
        StandIn.Pretence _ = StandIn.pretend("")) {
      Tensor hidden = Tensor.of(device, states, rows, 1);
      Tensor narrow = Tensor.of(device, factors, vocabulary, 1).to(DType.BF16);
      assertTrue(device.backend().headCrossEntropyBytes(rows, narrow, DType.F32) > 0);
      float[] expected = gradient(hidden, narrow.to(DType.F32));
      assertEquals(2, StandIn.calls("cublasGemmStridedBatchedEx"), "logits and gradient");
      float[] actual = gradient(hidden, narrow);
      int terms = Precision.HIGHEST.terms;
      assertEquals(2 + 3 * terms, StandIn.calls("cublasGemmStridedBatchedEx"), "one and two parts");
      assertArrayEquals(expected, actual, 1e-6f);
    }
  }

  private static float[] gradient(Tensor hidden, Tensor weight) {
    long rows = hidden.shape().dim(0);
    int[] ids = new int[(int) rows];
    Arrays.setAll(ids, i -> 40 * i);
    Tensor targets = Tensor.of(hidden.device(), ids, rows);
    Tensor lse = Tensor.empty(hidden.device(), DType.F32, Shape.of(rows));
    Tensor loss = Tensor.empty(hidden.device(), DType.F32, Shape.of());
    Tensor gradient = Tensor.empty(hidden.device(), DType.F32, hidden.shape());
    hidden.backend().headCrossEntropy(hidden, weight, targets, 1, loss, lse, gradient);
    return gradient.toFloatArray();
  }
}
