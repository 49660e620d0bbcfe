package dev.granula.tensor.internal.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * JSON from files that nobody vouches for: UTF-8 without malformed sequences (never UTF-16, which
 * Jackson would guess from the bytes), no key twice in an object, bounded nesting, nothing after
 * the value.
 */
public final class StrictJson {
  private static final int MAX_NESTING = 64;

  // Names come from the file: a table of them that outlives one parse would be filled by attackers.
  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder().maxNestingDepth(MAX_NESTING).build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
          .build();

  private static final JsonMapper MAPPER = new JsonMapper(FACTORY);

  private StrictJson() {}

  /** The value in {@code file}, which may have {@code maxBytes}. */
  public static JsonNode read(Path file, long maxBytes) throws JsonFormatException, IOException {
    long byteSize = Files.size(file);
    if (byteSize > maxBytes) {
      throw new JsonFormatException(
          "has %,d bytes, at most %,d are read".formatted(byteSize, maxBytes), 0);
    }
    byte[] bytes = Files.readAllBytes(file);
    try {
      JsonNode value = MAPPER.readTree(decode(bytes));
      if (value.isMissingNode()) {
        throw new JsonFormatException("is empty", 0);
      }
      return value;
    } catch (JacksonException e) {
      throw malformed(e, bytes);
    }
  }

  /**
   * A stream of tokens for what is too large for a tree; wrap its failures by {@link #malformed}.
   */
  public static JsonParser parser(byte[] utf8) throws JsonFormatException {
    return FACTORY.createParser(ObjectReadContext.empty(), decode(utf8));
  }

  /**
   * Position of a character of the text in its bytes.
   *
   * @param fromChar a character whose byte is known, not behind the one that is sought
   * @param fromByte its byte
   */
  public static int byteOffset(byte[] utf8, int fromChar, int fromByte, long charOffset) {
    int offset = fromByte;
    for (long chars = fromChar; chars < charOffset && offset < utf8.length; chars++) {
      int lead = utf8[offset] & 0xff;
      if (lead < 0x80) {
        offset++;
      } else if (lead < 0xe0) {
        offset += 2;
      } else if (lead < 0xf0) {
        offset += 3;
      } else {
        offset += 4;
        chars++;
      }
    }
    return offset;
  }

  public static JsonFormatException malformed(JacksonException e, byte[] utf8) {
    long charOffset = e.getLocation() == null ? 0 : e.getLocation().getCharOffset();
    return new JsonFormatException(
        "is not valid JSON: " + e.getOriginalMessage(), byteOffset(utf8, 0, 0, charOffset));
  }

  /** The text of {@code utf8}, or a failure at the first byte that is no part of a character. */
  private static String decode(byte[] utf8) throws JsonFormatException {
    CharsetDecoder decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    ByteBuffer in = ByteBuffer.wrap(utf8);
    CharBuffer out = CharBuffer.allocate(utf8.length);
    CoderResult result = decoder.decode(in, out, true);
    if (result.isError()) {
      throw new JsonFormatException("is not valid UTF-8", in.position());
    }
    return out.flip().toString();
  }
}
