package dev.granula.samples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.granula.samples.world.Questions;
import dev.granula.samples.world.World;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The questions that the quickstart ships with are those of the world. */
class QuickstartFilesTest {
  private static final Path RESOURCES =
      Path.of("../training/src/main/resources/dev/granula/training/quickstart");

  @ParameterizedTest
  @ValueSource(strings = {"train.jsonl", "held-out.jsonl"})
  void questions(String file) throws IOException {
    Questions questions = Questions.about(new World(World.SEED), QuickstartFiles.SPLIT_SEED);
    String expected =
        Questions.jsonLines(file.startsWith("train") ? questions.training() : questions.heldOut());
    assertEquals(expected, Files.readString(RESOURCES.resolve(file)).replace("\r\n", "\n"));
  }
}
