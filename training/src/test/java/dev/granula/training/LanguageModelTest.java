package dev.granula.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.granula.models.generation.GenerationOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LanguageModelTest {
  @TempDir private Path folder;

  private static int tokens(LanguageModel model, GenerationOptions options) {
    List<String> pieces = new ArrayList<>();
    model.generate("one and one", options, pieces::add);
    return pieces.size() - 1; // The last piece is what the decoder held back.
  }

  @Test
  void theOptionsMayNameOtherStopTokens() throws IOException {
    LanguageModel model = TinyModel.load(TinyModel.write(folder));
    GenerationOptions options = GenerationOptions.greedy(6);
    List<Integer> every =
        IntStream.range(0, model.network().config().vocabularySize()).boxed().toList();
    assertTrue(tokens(model, options) > 1);
    assertEquals(1, tokens(model, options.withStopTokenIds(every)));
  }
}
