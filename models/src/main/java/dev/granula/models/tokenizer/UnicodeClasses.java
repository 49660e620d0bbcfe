package dev.granula.models.tokenizer;

/** The classes {@code \s} and {@code \w} as Rust's regular expressions define them. */
final class UnicodeClasses {
  private static final int WORD_TYPES =
      1 << Character.NON_SPACING_MARK
          | 1 << Character.ENCLOSING_MARK
          | 1 << Character.COMBINING_SPACING_MARK
          | 1 << Character.DECIMAL_DIGIT_NUMBER
          | 1 << Character.CONNECTOR_PUNCTUATION;

  private static final int ZERO_WIDTH_NON_JOINER = 0x200C;
  private static final int ZERO_WIDTH_JOINER = 0x200D;

  private UnicodeClasses() {}

  /** Unicode's White_Space property; all its members are in the basic plane. */
  static boolean isWhiteSpace(char c) {
    return switch (c) {
      case '\t', '\n', 0x0B, '\f', '\r', ' ', 0x85, 0xA0 -> true;
      case 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000 -> true;
      default -> c >= 0x2000 && c <= 0x200A;
    };
  }

  static boolean isWord(int codePoint) {
    return Character.isAlphabetic(codePoint)
        || (WORD_TYPES >>> Character.getType(codePoint) & 1) != 0
        || codePoint == ZERO_WIDTH_NON_JOINER
        || codePoint == ZERO_WIDTH_JOINER;
  }

  /** Where the white space that ends at {@code end} begins. */
  static int whiteSpaceStart(String text, int end) {
    int start = end;
    while (start > 0 && isWhiteSpace(text.charAt(start - 1))) {
      start--;
    }
    return start;
  }

  /** Where the white space that begins at {@code start} ends. */
  static int whiteSpaceEnd(String text, int start) {
    int end = start;
    while (end < text.length() && isWhiteSpace(text.charAt(end))) {
      end++;
    }
    return end;
  }
}
