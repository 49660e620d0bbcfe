package dev.granula.models.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.regex.MatchResult;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SplitPatternTest {
  private static List<String> matches(String pattern, String text) {
    return SplitPattern.compile(pattern).matcher(text).results().map(MatchResult::group).toList();
  }

  @Test
  void whiteSpaceIsThatOfUnicode() {
    String all = "\t\n\u000b\f\r \u0085\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000";
    assertEquals(List.of(all), matches("\\s+", all));
    assertEquals(List.of("\u200b\u180e\u001c"), matches("\\S+", all + "\u200b\u180e\u001c"));
    assertEquals(List.of("\u200b"), matches("[^\\s]", all + "\u200b"));
    assertEquals(List.of("\u000b"), matches("\\v", all));
  }

  @Test
  void foldsCaseWithLongSAndKelvinSign() {
    assertEquals(List.of("'s", "'S", "'\u017f"), matches("(?i:'s)", "'s'S'\u017f"));
    assertEquals(List.of("k", "K", "\u212a"), matches("(?i:k)", "kK\u212a"));
    assertEquals(List.of("i", "I"), matches("(?i:I)", "iI\u0130\u0131"));
    assertEquals(List.of("s"), matches("(?:(?i:t)|s)", "sS"));
  }

  @Test
  void readsClassesRangesAndEscapes() {
    assertEquals(List.of("a-", "]"), matches("[a\\-\\]]+", "a-b]"));
    assertEquals(List.of("b", "c-"), matches("[b-c-]+", "ab\u4e00c-"));
    assertEquals(List.of("\u4e01\u4e02"), matches("[\\u4e00-\ud840\udc00]+", "a\u4e01\u4e02b"));
    assertEquals(List.of("1", "\u0663"), matches("\\d", "1\u0663\u00bd"));
    assertEquals(List.of("a1", "b"), matches("(?:[a-z]++\\d?)", "a1b"));
    assertEquals(List.of("x", "xy"), matches("x(y|z(?=!))?", "xzxy"));
    assertEquals(List.of("\ud83d\ude00"), matches("[^a]", "a\ud83d\ude00"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "(ab)+; repetition of (ab)",
        "(?:a|b)*; repetition of",
        "a*?b; quantifier after a quantifier",
        "a{2}+; quantifier after a quantifier",
        "a{2,}; without a number",
        "a{1,2000}; repetition other than",
        "a.b; '.'",
        "^a; '^'",
        "a$; '$'",
        "\\w+; \\w",
        "\\bx; \\b",
        "\\1; \\1",
        "(?<=a)b; a group of the kind (?<=",
        "(?<name>a); a group of the kind (?<n",
        "(?i)a; a group of the kind (?i)",
        "(?>a); a group of the kind (?>",
        "[a&&b]; nested character class",
        "[a[b]]; nested character class",
        "[[:alpha:]]; nested character class",
        "[z-a]; a range",
        "[\\s-a]; a range",
        "[]a]; an empty character class",
        "[a; not closed",
        "(a; not closed",
        "a); unbalanced",
        "\\p{Han}; the property Han",
        "\\pL; without {name}",
        "(?i:\u00e9); beyond ASCII",
        "(?i:[a-z]); a character class",
        "(?i:\\s); a character class",
        "(?i:ss); two letters",
        "(?i:a)(?i:s+); repetition of s",
        "\\u12; four hexadecimal",
      })
  void refusesWhatItWouldMisread(String pattern, String construct) {
    var refused = assertThrows(IllegalArgumentException.class, () -> SplitPattern.compile(pattern));
    assertTrue(refused.getMessage().contains(construct), refused.getMessage());
    assertTrue(refused.getMessage().contains(pattern), refused.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a?", "a*", "(?=a)", "a|", "(?:a|b?)", "(?!a)b*"})
  void refusesPatternsThatMatchNothing(String pattern) {
    assertThrows(IllegalArgumentException.class, () -> SplitPattern.compile(pattern));
  }

  @Test
  void refusesDeepNesting() {
    String deep = "(".repeat(100_000) + "a" + ")".repeat(100_000);
    assertThrows(IllegalArgumentException.class, () -> SplitPattern.compile(deep));
  }
}
