package dev.granula.models.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Decodes ids one by one, for generation. A piece of text is given out as soon as its last byte is
 * there: a character whose bytes are spread over several tokens is held back until it is complete.
 * All pieces and {@link #finish} together are what {@link Tokenizer#decode} gives for all ids.
 *
 * <p>Not safe for use by several threads at once.
 */
public final class StreamingDecoder {
  private static final int MAX_PENDING_BYTES = 3;

  private final Tokenizer tokenizer;
  private final boolean skipSpecialTokens;
  private final CharsetDecoder utf8 =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);

  /** Bytes that begin a character and do not end it. */
  private ByteBuffer pending = ByteBuffer.allocate(0);

  StreamingDecoder(Tokenizer tokenizer, boolean skipSpecialTokens) {
    this.tokenizer = tokenizer;
    this.skipSpecialTokens = skipSpecialTokens;
  }

  /**
   * The text that is complete now that {@code id} follows, often empty.
   *
   * @throws IllegalArgumentException if the id is negative
   */
  public String append(int id) {
    byte[] bytes = tokenizer.bytes(id, skipSpecialTokens);
    ByteBuffer joined = ByteBuffer.allocate(pending.remaining() + bytes.length);
    joined.put(pending).put(bytes).flip();
    String text = decode(joined, false);
    pending = joined;
    return text;
  }

  /** Ends the text: an incomplete character becomes U+FFFD. The decoder then starts afresh. */
  public String finish() {
    String text = decode(pending, true);
    pending = ByteBuffer.allocate(0);
    utf8.reset();
    return text;
  }

  private String decode(ByteBuffer bytes, boolean last) {
    CharBuffer text = CharBuffer.allocate(bytes.remaining() + MAX_PENDING_BYTES);
    utf8.decode(bytes, text, last);
    return text.flip().toString();
  }
}
