package dev.granula.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.tensor.Device;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.safetensors.SafetensorsFile;
import java.nio.file.Path;

/** The checkpoints of {@code goldens/data/models} and what transformers computes with them. */
final class ModelGoldens {
  /** max|a - b| / max|b| per tensor, in F32. */
  static final double TOLERANCE = 1e-4;

  private static final Path ROOT = Path.of("../goldens/data/models");

  private ModelGoldens() {}

  static Path directory(String name) {
    return ROOT.resolve(name);
  }

  static SafetensorsFile expected(String name) {
    return SafetensorsFile.open(directory(name).resolve("expected.safetensors"));
  }

  /** An I64 tensor [B, T] as rows. */
  static int[][] rows(Tensor tensor) {
    int length = (int) tensor.shape().dim(1);
    long[] flat = tensor.toLongArray();
    int[][] rows = new int[(int) tensor.shape().dim(0)][length];
    for (int i = 0; i < flat.length; i++) {
      rows[i / length][i % length] = (int) flat[i];
    }
    return rows;
  }

  /** The batch {@code prefix + input_ids} with {@code prefix + labels}. */
  static TokenBatch batch(SafetensorsFile expected, String prefix, Device device) {
    int[][] ids = rows(expected.read(prefix + "input_ids", device));
    return TokenBatch.of(device, ids, rows(expected.read(prefix + "labels", device)));
  }

  static void assertClose(String what, Tensor expected, Tensor actual) {
    assertArrayEquals(expected.shape().toArray(), actual.shape().toArray(), what);
    double[] b = expected.toDoubleArray();
    double[] a = actual.toDoubleArray();
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < b.length; i++) {
      largest = Math.max(largest, Math.abs(b[i]));
      difference = Math.max(difference, Double.isNaN(a[i]) ? 1e300 : Math.abs(a[i] - b[i]));
    }
    double error = difference / largest;
    assertTrue(error <= TOLERANCE, "%s: max|a-b| / max|b| = %.3g".formatted(what, error));
  }
}
