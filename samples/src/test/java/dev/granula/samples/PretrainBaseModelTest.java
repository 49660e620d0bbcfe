package dev.granula.samples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The embedded model's training begins as it did when the model was made. */
class PretrainBaseModelTest {
  /** Losses of steps 0, 5, 10, 15 and 19; sums differ in their last bits between vector widths. */
  private static final double[] LOSSES = {6.67719, 6.40169, 6.03527, 5.59206, 5.19992};

  @Test
  void firstTwentySteps(@TempDir Path directory) {
    List<Double> losses = new ArrayList<>();
    PrintStream silent = new PrintStream(OutputStream.nullOutputStream());
    PretrainBaseModel.run(directory, 20, silent, losses);
    int[] steps = {0, 5, 10, 15, 19};
    for (int i = 0; i < steps.length; i++) {
      assertEquals(LOSSES[i], losses.get(steps[i]), 2e-3 * LOSSES[i], "step " + steps[i]);
    }
  }
}
