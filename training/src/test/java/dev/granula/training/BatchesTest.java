package dev.granula.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.models.TokenBatch;
import dev.granula.tensor.Device;
import dev.granula.tensor.Scope;
import dev.granula.tensor.cpu.Cpu;
import dev.granula.training.data.Sample;
import dev.granula.training.data.SampleOrder;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

final class BatchesTest {
  private static final List<Sample> SAMPLES =
      List.of(
          new Sample(1, new int[] {4, 5, 6}, 1),
          new Sample(2, new int[] {7, 8, 9, 10, 11}, 3),
          new Sample(3, new int[] {12, 13}, 1));

  @Test
  void samplesStandBehindEachOther() {
    Device device = Cpu.device();
    try (Scope _ = device.memory().step()) {
      TokenBatch batch = Batches.of(device, SAMPLES);
      assertEquals(1, batch.batchSize());
      assertArrayEquals(
          new double[] {4, 5, 6, 7, 8, 9, 10, 11, 12, 13}, batch.ids().toDoubleArray());
      assertArrayEquals(
          new double[] {0, 1, 2, 0, 1, 2, 3, 4, 0, 1}, batch.positions().toDoubleArray());
      assertArrayEquals(
          new double[] {0, 0, 0, 3, 3, 3, 3, 3, 8, 8},
          Objects.requireNonNull(batch.firstKey()).toDoubleArray());
      assertArrayEquals(new double[] {0, 1, 5, 6, 8}, batch.asked().toDoubleArray());
      assertArrayEquals(new double[] {5, 6, 10, 11, 13}, batch.targets().toDoubleArray());
    }
  }

  @Test
  void samplesOfOneLengthStandSideBySide() {
    Device device = Cpu.device();
    try (Scope _ = device.memory().step()) {
      List<Sample> samples =
          List.of(new Sample(1, new int[] {4, 5, 6}, 1), new Sample(2, new int[] {7, 8, 9}, 2));
      TokenBatch batch = Batches.of(device, samples);
      assertEquals(2, batch.batchSize());
      assertNull(batch.firstKey());
      assertArrayEquals(new double[] {0, 1, 4}, batch.asked().toDoubleArray());
      assertArrayEquals(new double[] {5, 6, 9}, batch.targets().toDoubleArray());
    }
  }

  /** The last samples of an epoch may be the first ones of the next. */
  @Test
  void theLongestSamplesMayMeetTwice() {
    assertEquals(5, Batches.mostTokens(SAMPLES, 1, 3000));
    assertEquals(10, Batches.mostTokens(SAMPLES, 2, 3000));
    assertEquals(16, Batches.mostTokens(SAMPLES, 4, 3000));
    assertEquals(21, Batches.mostTokens(SAMPLES, 5, 3000));
    for (int batchSize = 1; batchSize <= 8; batchSize++) {
      SampleOrder order = new SampleOrder(SAMPLES, 5, 3000);
      for (int i = 0; i < 3000 / batchSize; i++) {
        long tokens = order.next(batchSize).stream().mapToLong(Sample::length).sum();
        assertTrue(tokens <= Batches.mostTokens(SAMPLES, batchSize, 3000));
      }
    }
  }

  @Test
  void aRunOfOneEpochSeesEachSampleOnce() {
    assertEquals(8, Batches.mostTokens(SAMPLES, 2, 3));
    assertEquals(10, Batches.mostTokens(SAMPLES, 100, 3));
    assertEquals(20, Batches.mostTokens(SAMPLES, 100, 6));
    assertEquals(0, Batches.mostTokens(List.of(), 4, 0));
  }
}
