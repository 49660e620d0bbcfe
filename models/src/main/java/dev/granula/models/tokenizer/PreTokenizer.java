package dev.granula.models.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Cuts text into the words that BPE works on. Words are plain text; bytes come later. */
final class PreTokenizer {
  /** GPT-2's pattern, which {@code ByteLevel} with {@code use_regex} has built in. */
  static final String GPT2_PATTERN =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  private static final String TYPES = "ByteLevel, Split, Digits, Sequence";

  /**
   * @param prefixSpace put a space before a piece that has none there
   * @param pattern what to cut out, or null to pass the piece on whole
   * @param keepMatches whether matches are words
   * @param keepGaps whether what lies between matches is a word
   */
  private record Step(
      boolean prefixSpace, @Nullable Pattern pattern, boolean keepMatches, boolean keepGaps) {}

  private final List<Step> steps;

  private PreTokenizer(List<Step> steps) {
    this.steps = List.copyOf(steps);
  }

  /** The pre-tokenizer {@code ByteLevel} with its own pattern. */
  static PreTokenizer gpt2() {
    return new PreTokenizer(
        List.of(new Step(false, SplitPattern.compile(GPT2_PATTERN), true, true)));
  }

  static PreTokenizer read(JsonFields root) {
    JsonFields fields = root.object("pre_tokenizer");
    List<Step> steps = new ArrayList<>();
    boolean byteLevel = fields != null && readStep(fields, steps, true);
    if (!byteLevel) {
      root.unsupported(
          "pre_tokenizer",
          fields == null ? "null" : "none of type ByteLevel at its end",
          "a ByteLevel pre-tokenizer, alone or as the last of a Sequence");
    }
    return new PreTokenizer(steps);
  }

  /** Reads a pre-tokenizer; returns whether it ends in ByteLevel, as only the last one may. */
  private static boolean readStep(JsonFields fields, List<Step> steps, boolean last) {
    String type = fields.requiredText("type");
    boolean byteLevel = false;
    switch (type) {
      case "Sequence" -> {
        List<JsonFields> parts = fields.objects("pretokenizers");
        for (int i = 0; i < parts.size(); i++) {
          byteLevel = readStep(parts.get(i), steps, last && i + 1 == parts.size());
        }
      }
      case "ByteLevel" -> {
        byteLevel = true;
        if (!last) {
          fields.unsupported("type", type, "ByteLevel only as the last of a Sequence");
        }
        fields.ignore("trim_offsets");
        Pattern pattern =
            fields.bool("use_regex", true) ? SplitPattern.compile(GPT2_PATTERN) : null;
        steps.add(new Step(fields.bool("add_prefix_space", true), pattern, true, true));
      }
      case "Split" -> readSplit(fields, steps);
      case "Digits" -> {
        String digits = fields.bool("individual_digits", false) ? "\\p{N}" : "\\p{N}+";
        steps.add(new Step(false, SplitPattern.compile(digits), true, true));
      }
      default -> fields.unsupported("type", type, TYPES);
    }
    fields.refuseUnread();
    return byteLevel;
  }

  private static void readSplit(JsonFields fields, List<Step> steps) {
    String behavior = fields.requiredText("behavior");
    boolean removed = behavior.equals("Removed");
    if (!removed && !behavior.equals("Isolated")) {
      fields.unsupported("behavior", behavior, "Isolated, Removed");
    }
    boolean invert = fields.bool("invert", false);
    JsonNode node = fields.node("pattern");
    if (node == null) {
      fields.problem("pattern", "is missing");
      return;
    }
    var source = new JsonFields(fields.where("pattern"), node, fields.problems());
    String regex = source.text("Regex");
    String literal = source.text("String");
    source.refuseUnread();
    if ((regex == null) == (literal == null) || "".equals(literal)) {
      fields.unsupported("pattern", JsonFields.show(node), "{\"Regex\": ...} or {\"String\": ...}");
      return;
    }
    try {
      Pattern pattern =
          regex != null ? SplitPattern.compile(regex) : Pattern.compile(literal, Pattern.LITERAL);
      steps.add(new Step(false, pattern, !removed || invert, !removed || !invert));
    } catch (IllegalArgumentException refused) {
      source.problem("Regex", String.valueOf(refused.getMessage()));
    }
  }

  /** Whether a text gets a space before its first word. */
  boolean addsPrefixSpace() {
    return !steps.isEmpty() && steps.getLast().prefixSpace();
  }

  /** Passes on the words of a text, in order; none is empty. */
  void split(String text, Consumer<String> words) {
    split(text, 0, words);
  }

  private void split(String piece, int index, Consumer<String> words) {
    if (piece.isEmpty()) {
      return;
    }
    if (index == steps.size()) {
      words.accept(piece);
      return;
    }
    Step step = steps.get(index);
    String text = step.prefixSpace() && piece.charAt(0) != ' ' ? " " + piece : piece;
    if (step.pattern() == null) {
      split(text, index + 1, words);
      return;
    }
    int done = 0;
    Matcher matcher = step.pattern().matcher(text);
    while (matcher.find()) {
      if (step.keepGaps()) {
        split(text.substring(done, matcher.start()), index + 1, words);
      }
      if (step.keepMatches()) {
        split(matcher.group(), index + 1, words);
      }
      done = matcher.end();
    }
    if (step.keepGaps()) {
      split(text.substring(done), index + 1, words);
    }
  }
}
