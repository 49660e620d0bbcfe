package dev.granula.models.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class BpeTrainerTest {
  private static final int SIZE = 700;
  private static final List<String> SPECIAL = List.of("<|endoftext|>");

  @TempDir private Path directory;

  private static List<String> corpus() {
    return Goldens.read("corpus.json").values().stream().map(JsonNode::stringValue).toList();
  }

  @Test
  void learnsWhatHuggingFaceLearns() {
    TrainedBpe trained = new BpeTrainer(SIZE, 2, SPECIAL).train(corpus());
    JsonNode model = Goldens.read("gpt2/tokenizer.json").get("model");
    for (int id = 0; id < SIZE; id++) {
      assertEquals(id, model.get("vocab").get(trained.tokens().get(id)).intValue());
    }
    List<List<String>> merges =
        model.get("merges").values().stream()
            .map(pair -> List.of(pair.get(0).stringValue(), pair.get(1).stringValue()))
            .toList();
    assertEquals(merges, trained.merges());
  }

  @Test
  void doesNotDependOnTheOrderOfTexts() {
    List<String> shuffled = new ArrayList<>(corpus());
    Collections.shuffle(shuffled, new Random(5));
    var trainer = new BpeTrainer(SIZE, 2, SPECIAL);
    assertEquals(trainer.train(corpus()), trainer.train(shuffled));
  }

  @Test
  void savesWhatTokenizerLoads() throws Exception {
    var special = List.of("<pad>", "<s>", "</s>");
    TrainedBpe trained = new BpeTrainer(400, 1, special).train(corpus());
    trained.save(directory, new SpecialTokens("<s>", "</s>", "<pad>"));
    Tokenizer tokenizer = Tokenizer.load(directory);
    assertEquals(400, tokenizer.vocabularySize());
    assertEquals(OptionalInt.of(1), tokenizer.bosTokenId());
    assertEquals(OptionalInt.of(2), tokenizer.eosTokenId());
    assertEquals(OptionalInt.of(0), tokenizer.padTokenId());
    for (String text : corpus()) {
      int[] ids = tokenizer.encode(text, true);
      assertTrue(ids.length < text.getBytes(java.nio.charset.StandardCharsets.UTF_8).length);
      assertEquals(text, tokenizer.decode(ids, false));
    }
    assertArrayEquals(new int[] {1, 2}, tokenizer.encode("<s></s>", false));
    try (var files = Files.list(directory)) {
      assertEquals(2, files.count());
    }
  }

  @Test
  void stopsWhereNothingIsFrequentEnough() {
    TrainedBpe trained = new BpeTrainer(1000, 2, List.of()).train(List.of("abc abc", "xyz"));
    assertEquals(List.of(List.of("a", "b"), List.of("ab", "c")), trained.merges());
    assertEquals(258, trained.tokens().size());
  }

  @Test
  void countsOverlappingPairsOnce() {
    TrainedBpe trained = new BpeTrainer(258, 1, List.of()).train(List.of("aaaa"));
    assertEquals(List.of(List.of("a", "a"), List.of("aa", "aa")), trained.merges());
  }

  @Test
  void refusesWhatCannotBe() {
    assertThrows(IllegalArgumentException.class, () -> new BpeTrainer(256, 1, SPECIAL));
    assertThrows(IllegalArgumentException.class, () -> new BpeTrainer(300, 0, SPECIAL));
    assertThrows(
        IllegalArgumentException.class, () -> new BpeTrainer(300, 1, List.of("<s>", "<s>")));
    assertThrows(IllegalArgumentException.class, () -> new BpeTrainer(300, 1, List.of("a")));
    TrainedBpe trained = new BpeTrainer(300, 1, SPECIAL).train(List.of("text"));
    var unknown = new SpecialTokens("<s>", null, null);
    assertThrows(IllegalArgumentException.class, () -> trained.save(directory, unknown));
    assertEquals(0, directory.toFile().list().length);
  }
}
