package dev.granula.models.tokenizer;

import java.util.Set;
import java.util.regex.Pattern;

/**
 * Translates the regular expression of a {@code Split} pre-tokenizer, written for Oniguruma, to
 * {@link Pattern}. The accepted grammar is what split patterns of published byte-level tokenizers
 * use; the same text that means something else to the two engines ({@code \s}, {@code \v}, case
 * folding) is spelled out in code points and properties, and everything beyond is refused by name.
 *
 * <p>A repetition may only be over one character class. Those {@link Pattern} matches in a loop, so
 * that a megabyte of one class does not deepen the stack; a repeated group would.
 */
final class SplitPattern {
  private static final int MAX_DEPTH = 16;
  private static final int MAX_REPEAT = 1000;

  private static final Set<String> CATEGORIES =
      Set.of(
          "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P",
          "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl",
          "Zp", "C", "Cc", "Cf");

  /** Pairs that one character folds to (U+FB00 to U+FB06, U+00DF), which Oniguruma would match. */
  private static final Set<String> FOLDED_PAIRS = Set.of("ff", "fi", "fl", "ss", "st");

  private final String source;
  private final StringBuilder java = new StringBuilder();
  private int at;
  private int depth;
  private boolean ignoreCase;

  /** Whether the atom just read is one character wide: the only kind that may be repeated. */
  private boolean single;

  private SplitPattern(String source) {
    this.source = source;
  }

  /**
   * @throws IllegalArgumentException naming the construct and its place
   */
  static Pattern compile(String source) {
    var translator = new SplitPattern(source);
    int shortest = translator.alternation();
    if (translator.at < source.length()) {
      throw translator.refuse("unbalanced ')'");
    }
    if (shortest == 0) {
      throw new IllegalArgumentException("the pattern can match nothing at all, found " + source);
    }
    return Pattern.compile(translator.java.toString());
  }

  /** Each production appends its translation and returns the length of its shortest match. */
  private int alternation() {
    int shortest = concatenation();
    while (peek() == '|') {
      java.append((char) next());
      shortest = Math.min(shortest, concatenation());
    }
    return shortest;
  }

  private int concatenation() {
    int length = 0;
    int previousLetter = -1;
    while (at < source.length() && peek() != '|' && peek() != ')') {
      int start = at;
      int atomLength = atom();
      int letter = foldedLetter(source.codePointAt(start), at - start);
      if (previousLetter >= 0
          && letter >= 0
          && FOLDED_PAIRS.contains("" + (char) previousLetter + (char) letter)) {
        throw refuse("two letters that one character folds to, without regard to case");
      }
      previousLetter = letter;
      length += quantified(start, atomLength);
    }
    return length;
  }

  private int foldedLetter(int c, int sourceLength) {
    return ignoreCase && sourceLength == 1 ? Character.toLowerCase(c) : -1;
  }

  private int quantified(int start, int atomLength) {
    int c = peek();
    if (c != '?' && c != '*' && c != '+' && c != '{') {
      return atomLength;
    }
    if (ignoreCase || atomLength == 0 || !(single || c == '?')) {
      throw refuse("repetition of " + source.substring(start, at));
    }
    int least = c == '{' ? braces() : c == '+' ? 1 : 0;
    if (c != '{') {
      java.append((char) next());
      if (peek() == '+') {
        java.append((char) next());
      }
    }
    if (peek() >= 0 && "?*+{".indexOf(peek()) >= 0) {
      throw refuse("a quantifier after a quantifier");
    }
    return least * atomLength;
  }

  /** {@code {n}} or {@code {n,m}}; returns n. */
  private int braces() {
    next();
    int least = number();
    int most = least;
    if (peek() == ',') {
      next();
      most = number();
    }
    if (next() != '}' || most < least || most > MAX_REPEAT) {
      throw refuse("a repetition other than {n} or {n,m} with n <= m <= " + MAX_REPEAT);
    }
    java.append('{').append(least).append(',').append(most).append('}');
    return least;
  }

  private int number() {
    int value = -1;
    while (peek() >= '0' && peek() <= '9' && value <= MAX_REPEAT) {
      value = Math.max(0, value) * 10 + next() - '0';
    }
    if (value < 0) {
      throw refuse("a repetition without a number");
    }
    return value;
  }

  private int atom() {
    single = true;
    int c = next();
    switch (c) {
      case '(' -> {
        return group();
      }
      case '[' -> characterClass();
      case '\\' -> escape(false);
      case '.', '^', '$', '*', '+', '?', '{', '}', ']' -> {
        at--;
        throw refuse("'" + (char) c + "'");
      }
      default -> literal(c);
    }
    return 1;
  }

  private int group() {
    if (++depth > MAX_DEPTH) {
      throw refuse("groups nested deeper than " + MAX_DEPTH);
    }
    boolean outerIgnoreCase = ignoreCase;
    boolean consumes = true;
    if (take("?:")) {
      java.append("(?:");
    } else if (take("?i:")) {
      java.append("(?:");
      ignoreCase = true;
    } else if (take("?=") || take("?!")) {
      java.append("(?").append(source.charAt(at - 1));
      consumes = false;
    } else if (peek() == '?') {
      throw refuse(
          "a group of the kind (" + source.substring(at, Math.min(at + 3, source.length())));
    } else {
      java.append("(?:");
    }
    int length = alternation();
    if (next() != ')') {
      throw refuse("a group that is not closed");
    }
    java.append(')');
    ignoreCase = outerIgnoreCase;
    depth--;
    single = false;
    return consumes ? length : 0;
  }

  private void characterClass() {
    refuseIfIgnoringCase("a character class");
    java.append('[');
    if (take("^")) {
      java.append('^');
    }
    if (peek() == ']') {
      throw refuse("an empty character class");
    }
    while (peek() != ']') {
      int low = classItem();
      boolean range = peek() == '-' && at + 1 < source.length() && source.charAt(at + 1) != ']';
      if (range && low >= 0) {
        java.append((char) next());
        int high = classItem();
        if (high < low) {
          throw refuse("a range that ends below its start");
        }
      } else if (range) {
        throw refuse("a range that starts with a class");
      }
    }
    next();
    java.append(']');
  }

  /** Appends one member of a class; returns its code point, or -1 if it is itself a class. */
  private int classItem() {
    int c = next();
    if (c < 0 || c == '[' || (c == '&' && peek() == '&')) {
      throw refuse(c < 0 ? "a character class that is not closed" : "a nested character class");
    }
    if (c == '\\') {
      return escape(true);
    }
    literal(c);
    return c;
  }

  /** Appends an escape; returns its code point, or -1 if it is a class. */
  private int escape(boolean inClass) {
    int c = next();
    switch (c) {
      case 's' -> java.append("\\p{IsWhite_Space}");
      case 'S' -> java.append("\\P{IsWhite_Space}");
      case 'd' -> java.append("\\p{Nd}");
      case 'D' -> java.append("\\P{Nd}");
      case 'p', 'P' -> property(c);
      case 'u' -> {
        return hexadecimal();
      }
      case 'r', 'n', 't', 'f', 'v' -> {
        int control = "\t\n\u000b\f\r".charAt("tnvfr".indexOf(c));
        literal(control);
        return control;
      }
      default -> {
        boolean punctuation = c > ' ' && c < 0x7F && !Character.isLetterOrDigit(c);
        if (!punctuation) {
          throw refuse(c < 0 ? "a backslash at the end" : "\\" + Character.toString(c));
        }
        literal(c);
        return c;
      }
    }
    if (!inClass) {
      refuseIfIgnoringCase("a character class");
    }
    return -1;
  }

  /** The four digits after {@code \\u}. */
  private int hexadecimal() {
    int c = 0;
    for (int i = 0; i < 4; i++) {
      int digit = Character.digit(next(), 16);
      if (digit < 0) {
        throw refuse("\\u without four hexadecimal digits");
      }
      c = c * 16 + digit;
    }
    literal(c);
    return c;
  }

  private void property(int letter) {
    int end = source.indexOf('}', at);
    if (peek() != '{' || end < 0) {
      throw refuse("\\" + (char) letter + " without {name}");
    }
    String name = source.substring(at + 1, end);
    if (!CATEGORIES.contains(name)) {
      throw refuse("the property " + name + "; supported are the general categories");
    }
    at = end + 1;
    java.append('\\').append((char) letter).append('{').append(name).append('}');
  }

  private void literal(int c) {
    boolean letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!ignoreCase || c < 0x80 && !letter) {
      appendCodePoint(c);
    } else if (letter) {
      java.append('[').append((char) (c & ~0x20)).append((char) (c | 0x20));
      // The two ASCII letters that a third character folds to: long s and the Kelvin sign.
      java.append((c | 0x20) == 's' ? "\\x{17F}" : (c | 0x20) == 'k' ? "\\x{212A}" : "");
      java.append(']');
    } else {
      throw refuse("a letter beyond ASCII without regard to case");
    }
  }

  private void appendCodePoint(int c) {
    boolean plain = c < 0x80 && Character.isLetterOrDigit(c);
    java.append(plain ? Character.toString(c) : "\\x{" + Integer.toHexString(c) + "}");
  }

  private void refuseIfIgnoringCase(String what) {
    if (ignoreCase) {
      throw refuse(what + " without regard to case");
    }
  }

  private boolean take(String expected) {
    boolean found = source.startsWith(expected, at);
    at += found ? expected.length() : 0;
    return found;
  }

  private int peek() {
    return at < source.length() ? source.codePointAt(at) : -1;
  }

  private int next() {
    int c = peek();
    at += c < 0 ? 0 : Character.charCount(c);
    return c;
  }

  private IllegalArgumentException refuse(String what) {
    return new IllegalArgumentException(
        "the pattern has "
            + what
            + " at character "
            + at
            + ", which is not supported, found "
            + source);
  }
}
