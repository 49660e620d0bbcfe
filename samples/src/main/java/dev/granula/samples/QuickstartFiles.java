package dev.granula.samples;

import dev.granula.samples.world.Questions;
import dev.granula.samples.world.World;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes the questions of the quickstart, {@code train.jsonl} and {@code held-out.jsonl}. */
public final class QuickstartFiles {
  static final long SPLIT_SEED = 7;

  private QuickstartFiles() {}

  public static void main(String[] args) throws IOException {
    Path directory = Path.of(args[0]);
    Questions questions = Questions.about(new World(World.SEED), SPLIT_SEED);
    Files.writeString(directory.resolve("train.jsonl"), Questions.jsonLines(questions.training()));
    Files.writeString(
        directory.resolve("held-out.jsonl"), Questions.jsonLines(questions.heldOut()));
  }
}
