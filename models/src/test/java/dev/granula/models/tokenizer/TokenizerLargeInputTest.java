package dev.granula.models.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A megabyte of one class of characters: no deep stack, no quadratic time. */
class TokenizerLargeInputTest {
  private static final int CHARS = 1 << 20;

  /** Far above the second or so that each takes, far below the hours of a quadratic algorithm. */
  private static final Duration LIMIT = Duration.ofSeconds(60);

  static Stream<Arguments> cases() {
    List<String> units =
        List.of(
            "a",
            "9",
            " ",
            "\n",
            "\t",
            "!",
            "\u0301",
            "\u00e9",
            "e\u0301",
            "\u8001",
            "ab",
            " a",
            "\n ",
            " \n",
            "\ud83d\ude00",
            "a\ud835\udc00",
            "\u0000",
            "'s",
            "<",
            "<|end",
            "<|end|>",
            "<right> ");
    return Goldens.NAMES.stream()
        .flatMap(name -> units.stream().map(unit -> Arguments.of(name, unit)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void longRuns(String name, String unit) {
    Tokenizer tokenizer = Tokenizer.load(Goldens.directory(name));
    String text = unit.repeat(CHARS / unit.length());
    int[] ids = assertTimeoutPreemptively(LIMIT, () -> tokenizer.encode(text, false));
    if (name.equals("gpt2") && !unit.startsWith("<right>")) {
      assertEquals(text, tokenizer.decode(ids, false));
    }
  }
}
