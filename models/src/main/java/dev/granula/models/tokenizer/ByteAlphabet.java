package dev.granula.models.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * GPT-2's printable stand-ins for the 256 byte values. Bytes that print in Latin-1 stand for
 * themselves, the others, in order, for U+0100 and up ({@code bytes_to_unicode} of GPT-2's
 * encoder.py).
 */
final class ByteAlphabet {
  static final int SIZE = 256;

  private static final char[] SYMBOLS = symbols();
  private static final short[] BYTES = bytes();

  private ByteAlphabet() {}

  /** The symbol of a byte given as 0 to 255. */
  static char symbol(int unsignedByte) {
    return SYMBOLS[unsignedByte];
  }

  static boolean isSymbol(char c) {
    return c < BYTES.length && BYTES[c] >= 0;
  }

  /** The UTF-8 bytes of {@code text}, spelled in symbols. */
  static String spell(byte[] utf8) {
    char[] spelled = new char[utf8.length];
    for (int i = 0; i < utf8.length; i++) {
      spelled[i] = SYMBOLS[utf8[i] & 0xFF];
    }
    return new String(spelled);
  }

  /**
   * The bytes a token stands for: those of its symbols, or, as in Hugging Face's ByteLevel decoder,
   * its own UTF-8 form when a single character of it is not a symbol.
   */
  static byte[] unspell(String token) {
    byte[] bytes = new byte[token.length()];
    for (int i = 0; i < bytes.length; i++) {
      char symbol = token.charAt(i);
      if (!isSymbol(symbol)) {
        return token.getBytes(StandardCharsets.UTF_8);
      }
      bytes[i] = (byte) BYTES[symbol];
    }
    return bytes;
  }

  private static char[] symbols() {
    char[] symbols = new char[SIZE];
    char next = 0x100;
    for (int b = 0; b < SIZE; b++) {
      boolean prints = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xFF && b != 0xAD);
      symbols[b] = prints ? (char) b : next++;
    }
    return symbols;
  }

  private static short[] bytes() {
    short[] bytes = new short[SYMBOLS[0xAD] + 1];
    Arrays.fill(bytes, (short) -1);
    for (int b = 0; b < SIZE; b++) {
      bytes[SYMBOLS[b]] = (short) b;
    }
    return bytes;
  }
}
