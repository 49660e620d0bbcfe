package dev.granula.training.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetTest {
  @TempDir Path folder;

  private Path write(String content) throws IOException {
    return Files.writeString(folder.resolve("train.jsonl"), content);
  }

  private List<String> problems(Path file) {
    return assertThrows(DataException.class, () -> Dataset.read(file)).problems();
  }

  @Test
  void readsBothFormsAndPassesOverOtherKeysAndBlankLines() throws IOException {
    Path file =
        write(
            "{\"text\": \"caf\u00e9\u2028\", \"source\": {\"page\": 3}}\n \n"
                + "{\"prompt\": \"2+2\", \"completion\": \" 4\", \"answer\": 4}");
    assertEquals(
        List.of(new Example.Text(1, "caf\u00e9\u2028"), new Example.Completion(3, "2+2", " 4")),
        Dataset.read(file).examples());
  }

  @Test
  void namesEveryBrokenLine() throws IOException {
    Path file =
        write(
            """
            {"text": "good"}
            {"text": "cut off
            [1, 2]
            {"text": 7}
            {"prompt": "no completion"}
            {"text": "a", "prompt": "b", "completion": "c"}
            {"text": "a", "text": "b"}
            {"messages": []}
            {"text": "a"} {"text": "b"}
            """);
    List<String> problems = problems(file);
    assertEquals(8, problems.size(), problems::toString);
    for (int i = 0; i < problems.size(); i++) {
      assertTrue(problems.get(i).startsWith(file + ":" + (i + 2) + ": "), problems.get(i));
    }
    assertTrue(problems.get(2).contains("`text` must be a string, found 7"));
    assertTrue(problems.get(3).contains("`completion` is missing"));
  }

  @Test
  void badUtf8IsAProblemOfItsLine() throws IOException {
    Path file = folder.resolve("latin1.jsonl");
    Files.write(
        file, "{\"text\": \"a\"}\n{\"text\": \"\u00e9\"}".getBytes(StandardCharsets.ISO_8859_1));
    assertTrue(problems(file).getFirst().startsWith(file + ":2: not valid JSON"));
  }

  @Test
  void theMessageShowsTwentyProblemsAndCountsTheRest() throws IOException {
    Path file = write("x\n".repeat(25));
    DataException e = assertThrows(DataException.class, () -> Dataset.read(file));
    assertEquals(25, e.problems().size());
    assertTrue(e.getMessage().contains(file + ":20:"));
    assertTrue(e.getMessage().endsWith("; and 5 more"), e.getMessage());
  }

  @Test
  void anEmptyOrMissingFileIsAnError() throws IOException {
    assertTrue(problems(write("\n \n")).getFirst().contains("holds no example"));
    Path none = folder.resolve("none.jsonl");
    assertEquals(List.of(none + " is not there"), problems(none));
  }
}
