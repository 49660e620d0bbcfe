package dev.granula.samples;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The Java lines of the README are those of the lesson that is compiled and run. */
class ReadmeTest {
  @Test
  void fineTuningFromJava() throws IOException {
    String lesson =
        Files.readString(Path.of("src/main/java/dev/granula/samples/Lesson06FineTuning.java"));
    String lines =
        lesson
            .substring(
                lesson.indexOf("// README: begin\n") + "// README: begin\n".length(),
                lesson.indexOf("    // README: end"))
            .stripTrailing()
            .stripIndent()
            .strip();
    String readme = Files.readString(Path.of("../README.md")).replace("\r\n", "\n");
    assertTrue(readme.contains("```java\n" + lines + "\n```"), lines);
  }
}
