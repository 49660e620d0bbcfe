package dev.granula.training.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SampleOrderTest {
  private static final List<Sample> SAMPLES =
      IntStream.range(0, 10).mapToObj(i -> new Sample(i, new int[] {1, 2}, 1)).toList();

  private static int[] lines(SampleOrder order, int count) {
    return order.next(count).stream().mapToInt(Sample::line).toArray();
  }

  @Test
  void everyEpochIsAnotherPermutation() {
    int[] run = lines(new SampleOrder(SAMPLES, 42, 30), 30);
    for (int epoch = 0; epoch < 3; epoch++) {
      int[] part = Arrays.copyOfRange(run, epoch * 10, epoch * 10 + 10);
      assertEquals(10, Arrays.stream(part).distinct().count());
    }
    int[] first = Arrays.copyOf(run, 10);
    assertFalse(Arrays.equals(first, Arrays.copyOfRange(run, 10, 20)));
  }

  @Test
  void theOrderDependsOnTheSeedAndNotOnTheBatchSize() {
    int[] whole = lines(new SampleOrder(SAMPLES, 42, 20), 20);
    SampleOrder pieces = new SampleOrder(SAMPLES, 42, 20);
    int[] joined = IntStream.of(3, 9, 8).flatMap(n -> Arrays.stream(lines(pieces, n))).toArray();
    assertArrayEquals(whole, joined);
    assertFalse(Arrays.equals(whole, lines(new SampleOrder(SAMPLES, 43, 20), 20)));
  }

  @Test
  void theRunEndsAtItsLimit() {
    SampleOrder order = new SampleOrder(SAMPLES, 42, 15);
    assertEquals(12, order.next(12).size());
    assertEquals(3, order.next(12).size());
    assertEquals(1.5, order.epoch());
    assertTrue(order.next(12).isEmpty());
  }

  /**
   * The algorithm is part of what "same seed, same run" means, so its result is written down. From
   * a Philox in Python.
   */
  @Test
  void permutationsAreFixed() {
    var seen = new HashSet<List<Integer>>();
    for (int epoch = 0; epoch < 200; epoch++) {
      seen.add(Arrays.stream(SampleOrder.permutation(3, 1, epoch)).boxed().toList());
    }
    assertEquals(6, seen.size());
    assertArrayEquals(new int[] {4, 1, 6, 3, 7, 2, 0, 5}, SampleOrder.permutation(8, 42, 0));
  }
}
