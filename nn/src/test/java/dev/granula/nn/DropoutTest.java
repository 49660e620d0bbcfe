package dev.granula.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.tensor.Memory;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Tensor;
import dev.granula.tensor.cpu.CpuDevice;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Dropout acts while its tree trains, and only then takes random numbers. */
final class DropoutTest {
  private static final int SIZE = 4000;

  private final CpuDevice device = CpuDevice.of("reference", 1, Memory.Debug.POISON);
  private final RandomStream random = new RandomStream(17);
  private Scope step;

  @BeforeEach
  void open() {
    step = device.memory().step();
  }

  @AfterEach
  void close() {
    step.close();
    device.close();
  }

  private Variable ones() {
    float[] values = new float[SIZE];
    Arrays.fill(values, 1);
    return Variable.constant(Tensor.of(device, values, SIZE));
  }

  @Test
  void evaluationReturnsItsInput() {
    Dropout dropout = new Dropout(0.25, random);
    Variable x = ones();
    assertSame(x, dropout.forward(x));
    dropout.setTraining(true);
    dropout.setTraining(false);
    assertSame(x, dropout.forward(x));
    assertEquals(0, random.position());
  }

  @Test
  void trainingZeroesAndScales() {
    Dropout dropout = new Dropout(0.25, random);
    dropout.setTraining(true);
    float[] first = dropout.forward(ones()).data().toFloatArray();
    int zeroes = 0;
    for (float value : first) {
      assertTrue(value == 0 || value == (float) (1 / 0.75), "found " + value);
      zeroes += value == 0 ? 1 : 0;
    }
    // The deviation of the count is sqrt(4000 * 0.25 * 0.75) = 27.
    assertEquals(SIZE * 0.25, zeroes, 4 * 27);

    float[] second = dropout.forward(ones()).data().toFloatArray();
    assertTrue(!Arrays.equals(first, second), "a new mask in each pass");
    random.seek(0);
    assertArrayEquals(first, dropout.forward(ones()).data().toFloatArray());
  }

  @Test
  void probabilityZeroNeverActs() {
    Dropout dropout = new Dropout(0, random);
    dropout.setTraining(true);
    Variable x = ones();
    assertSame(x, dropout.forward(x));
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1, 1.5, Double.NaN})
  void probabilitiesOutsideAreRefusedAtOnce(double probability) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> new Dropout(probability, random));
    assertEquals(
        "dropout: the probability must be in [0, 1), it is " + probability, e.getMessage());
  }
}
