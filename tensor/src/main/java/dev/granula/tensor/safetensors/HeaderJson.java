package dev.granula.tensor.safetensors;

import dev.granula.tensor.Shape;
import dev.granula.tensor.internal.io.JsonFormatException;
import dev.granula.tensor.internal.io.StrictJson;
import dev.granula.tensor.safetensors.SafetensorsException.Rule;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/** The JSON of a header, token by token: a tree of ten million nodes would not fit. */
final class HeaderJson {
  static final String METADATA = "__metadata__";

  private static final int MAX_TENSORS = 1 << 20;
  private static final int MAX_RANK = 256;

  /**
   * A tensor as the header gives it. All numbers are u64: a negative one here is beyond 2^63 - 1.
   */
  record Draft(String name, StoredType type, List<Long> shape, long begin, long end) {
    String shapeText() {
      return shape.stream().map(Long::toUnsignedString).collect(Collectors.joining(", ", "[", "]"));
    }

    SafetensorsEntry entry(long dataStart) {
      long[] dims = shape.stream().mapToLong(Long::longValue).toArray();
      return new SafetensorsEntry(name, type, Shape.of(dims), dataStart + begin, dataStart + end);
    }
  }

  private final Path file;
  private final byte[] json;
  private final Problems problems;
  private final CharsetEncoder unicode = StandardCharsets.UTF_8.newEncoder();
  private final List<Draft> drafts = new ArrayList<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private boolean isText;

  /** The last place that was located; problems come in order of the text. */
  private int locatedChar;

  private int locatedByte;

  HeaderJson(Path file, byte[] json, Problems problems) {
    this.file = file;
    this.json = json;
    this.problems = problems;
  }

  /** The tensors, in the order of the header. */
  List<Draft> drafts() {
    return drafts;
  }

  Map<String, String> metadata() {
    return Collections.unmodifiableMap(metadata);
  }

  /** True if the bytes were UTF-8 at least. */
  boolean isText() {
    return isText;
  }

  void parse() throws JsonFormatException {
    try (JsonParser parser = StrictJson.parser(json)) {
      isText = true;
      parse(parser);
    } catch (JacksonException e) {
      throw StrictJson.malformed(e, json);
    }
  }

  private void parse(JsonParser parser) {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      problem(parser, null, "the header must be a JSON object");
      return;
    }
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      checkUnicode(parser, name);
      if (drafts.size() == MAX_TENSORS) {
        problem(parser, null, "more than %,d tensors".formatted(MAX_TENSORS));
        return;
      }
      parser.nextToken();
      if (name.equals(METADATA)) {
        readMetadata(parser);
      } else {
        readTensor(name, parser);
      }
    }
    if (parser.nextToken() != null) {
      problem(parser, null, "something follows the header's JSON object");
    }
  }

  private void readMetadata(JsonParser parser) {
    if (parser.currentToken() == JsonToken.VALUE_NULL) {
      return;
    }
    if (!isObject(parser, null, METADATA)) {
      return;
    }
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      checkUnicode(parser, key);
      if (parser.nextToken() == JsonToken.VALUE_STRING) {
        checkUnicode(parser, parser.getString());
        metadata.put(key, parser.getString());
      } else {
        problem(
            parser,
            null,
            "%s: '%s' must be a string".formatted(METADATA, SafetensorsException.printable(key)));
        parser.skipChildren();
      }
    }
  }

  private void readTensor(String name, JsonParser parser) {
    if (!isObject(parser, name, "a tensor")) {
      return;
    }
    StoredType type = null;
    List<Long> shape = null;
    List<Long> range = null;
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String field = parser.currentName();
      parser.nextToken();
      switch (field) {
        case "dtype" -> type = readType(name, parser);
        case "shape" -> shape = readNumbers(name, field, parser);
        case "data_offsets" -> range = readNumbers(name, field, parser);
        // As the reference does; writers may say more than readers know.
        default -> parser.skipChildren();
      }
    }
    if (type == null || shape == null || range == null || range.size() != 2) {
      problem(parser, name, "needs a dtype, a shape and two data_offsets");
      return;
    }
    drafts.add(new Draft(name, type, List.copyOf(shape), range.get(0), range.get(1)));
  }

  private @Nullable StoredType readType(String name, JsonParser parser) {
    StoredType type =
        parser.currentToken() == JsonToken.VALUE_STRING
            ? StoredType.named(parser.getString())
            : null;
    if (type == null) {
      String found = parser.currentToken().isScalarValue() ? parser.getString() : "no string";
      problem(parser, name, "unknown dtype: '%s'".formatted(SafetensorsException.printable(found)));
      parser.skipChildren();
    }
    return type;
  }

  /** A list of u64, as their bits; null after a problem was noted. */
  private @Nullable List<Long> readNumbers(String name, String field, JsonParser parser) {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      problem(parser, name, "%s must be a list of numbers".formatted(field));
      parser.skipChildren();
      return null;
    }
    List<Long> numbers = new ArrayList<>();
    boolean valid = true;
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (valid && isUnsigned(parser) && numbers.size() < MAX_RANK) {
        numbers.add(parser.getBigIntegerValue().longValue());
      } else if (valid) {
        valid = false;
        problem(
            parser,
            name,
            "%s: whole numbers from 0 to 2^64 - 1 are needed, at most %d of them"
                .formatted(field, MAX_RANK));
      }
      parser.skipChildren();
    }
    return valid ? numbers : null;
  }

  private static boolean isUnsigned(JsonParser parser) {
    return parser.currentToken() == JsonToken.VALUE_NUMBER_INT
        && !parser.getString().startsWith("-")
        && parser.getBigIntegerValue().bitLength() <= Long.SIZE;
  }

  private boolean isObject(JsonParser parser, @Nullable String tensor, String what) {
    if (parser.currentToken() == JsonToken.START_OBJECT) {
      return true;
    }
    problem(parser, tensor, "%s must be a JSON object".formatted(what));
    parser.skipChildren();
    return false;
  }

  /** JSON's escapes can spell half a surrogate pair, which is no text. */
  private void checkUnicode(JsonParser parser, String text) {
    if (!unicode.canEncode(text)) {
      problem(parser, text, "an unpaired surrogate is not Unicode text");
    }
  }

  private void problem(JsonParser parser, @Nullable String tensor, String text) {
    long chars = parser.currentTokenLocation().getCharOffset();
    locatedByte = StrictJson.byteOffset(json, locatedChar, locatedByte, chars);
    locatedChar = (int) chars;
    long offset = HeaderReader.LENGTH_BYTES + locatedByte;
    problems.add(file, tensor, offset, Rule.INVALID_HEADER_DESERIALIZATION, text);
  }
}
