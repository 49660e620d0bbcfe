package dev.granula.samples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The lessons print what their text says. */
class LessonsTest {
  private static String printed(Consumer<PrintStream> lesson) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
      lesson.accept(out);
    }
    return bytes.toString(StandardCharsets.UTF_8).replace("\r\n", "\n");
  }

  @Test
  void tensors() {
    String text = printed(Lesson01Tensors::run);
    assertTrue(text.contains("its rows     [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]"), text);
    assertTrue(text.contains("kept         [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]"), text);
  }

  @Test
  void autograd() {
    String expected =
        """
        d sum(w^2) / dw = [2.0, -4.0, 6.0]
        dL/dW = g^T x   = [1.0, 2.0, 3.0, 10.0, 20.0, 30.0]
        dL/dx           = null
        """;
    assertEquals(expected, printed(Lesson02Autograd::run));
  }

  @Test
  void firstFit() {
    double[] last = new double[1];
    printed(out -> last[0] = Lesson03FirstFit.run(out));
    assertTrue(last[0] < 1e-3, "the last loss is " + last[0]);
  }

  @Test
  void loraByHand() {
    String text = printed(Lesson04LoraByHand::run);
    assertTrue(text.contains("LoRA 8 of 8"), text);
  }

  @Test
  void graloraByHand() {
    String text = printed(Lesson05GraLoraByHand::run);
    assertTrue(text.contains("LoRA    8 of 8") && text.contains("GraLoRA 4 of 8"), text);
  }

  @Test
  void fineTuning(@TempDir Path folder) {
    Path quickstart = Path.of("../training/src/main/resources/dev/granula/training/quickstart");
    Path adapter = folder.resolve("adapter");
    Lesson06FineTuning.run(
        quickstart.resolve("base"), quickstart.resolve("held-out.jsonl"), adapter, 3);
    assertTrue(Files.exists(adapter.resolve("adapter_config.json")));
    assertTrue(Files.exists(adapter.resolve("adapter_model.safetensors")));
  }
}
