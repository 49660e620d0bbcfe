package dev.granula.models.tokenizer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads the files of a tokenizer directory, and reports all that is wrong with them at once. */
final class TokenizerReader {
  private static final String TOKENIZER = "tokenizer.json";
  private static final String CONFIG = "tokenizer_config.json";
  private static final String SPECIAL_TOKENS_MAP = "special_tokens_map.json";

  /** Ten times the largest published file. */
  private static final long MAX_FILE_BYTES = 256L << 20;

  private static final JsonMapper JSON =
      new JsonMapper(
          JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build());

  private final Path directory;
  private final Problems problems = new Problems();

  private TokenizerReader(Path directory) {
    this.directory = directory;
  }

  static Tokenizer read(Path directory) {
    var reader = new TokenizerReader(directory);
    JsonFields tokenizer = reader.open(TOKENIZER);
    if (tokenizer == null && reader.problems.isEmpty()) {
      reader.problems.add(TOKENIZER, "does not exist; a Hugging Face model directory has one");
    }
    JsonFields config = reader.open(CONFIG);
    JsonFields specialMap = reader.open(SPECIAL_TOKENS_MAP);
    if (tokenizer == null) {
      throw reader.failure();
    }
    Tokenizer read = reader.read(tokenizer, config, specialMap);
    if (!reader.problems.isEmpty()) {
      throw reader.failure();
    }
    return read;
  }

  private TokenizerFormatException failure() {
    return new TokenizerFormatException(directory, problems.messages());
  }

  /** The object in a file, or null if there is no such file or, after a note, it is no JSON. */
  private @Nullable JsonFields open(String name) {
    Path file = directory.resolve(name);
    if (!Files.exists(file)) {
      return null;
    }
    try {
      long byteSize = Files.size(file);
      if (byteSize > MAX_FILE_BYTES) {
        problems.add(name, "has " + byteSize + " bytes, more than " + MAX_FILE_BYTES);
        return null;
      }
      return new JsonFields(name, JSON.readTree(Files.readAllBytes(file)), problems);
    } catch (IOException e) {
      throw new UncheckedIOException("load tokenizer: cannot read " + file, e);
    } catch (JacksonException e) {
      var place = e.getLocation();
      String where =
          place == null ? "" : " at line " + place.getLineNr() + " column " + place.getColumnNr();
      problems.add(name, "is not valid JSON: " + e.getOriginalMessage() + where);
      return null;
    }
  }

  private Tokenizer read(
      JsonFields root, @Nullable JsonFields config, @Nullable JsonFields specialMap) {
    String version = root.text("version");
    if (version != null && !version.equals("1.0")) {
      root.unsupported("version", version, "1.0");
    }
    // transformers sets both anew for each call.
    root.ignore("truncation", "padding");
    JsonFields modelFields = root.object("model");
    if (modelFields == null) {
      root.problem("model", "is missing");
      throw failure();
    }
    BpeModel model = BpeModel.read(modelFields);
    List<AddedToken> added = AddedTokens.read(root, config, model.vocabulary());
    boolean nfc = readNfc(root.object("normalizer"));
    PreTokenizer preTokenizer = PreTokenizer.read(root);
    Template template = Template.read(root);
    readDecoder(root);
    root.refuseUnread();
    var special =
        new SpecialTokens(
            specialToken("bos_token", config, specialMap),
            specialToken("eos_token", config, specialMap),
            specialToken("pad_token", config, specialMap));
    var spec = new TokenizerSpec(model, added, nfc, preTokenizer, template, special);
    var tokenizer = new Tokenizer(spec);
    checkKnown(tokenizer, special);
    if (config != null && problems.isEmpty()) {
      checkAgreement(tokenizer, spec, config);
    }
    return tokenizer;
  }

  private void checkKnown(Tokenizer tokenizer, SpecialTokens special) {
    Stream.of(special.bos(), special.eos(), special.pad())
        .filter(token -> token != null && tokenizer.tokenId(token).isEmpty())
        .distinct()
        .forEach(
            token ->
                problems.add(
                    CONFIG,
                    "the special token \""
                        + token
                        + "\" is not in the vocabulary of "
                        + TOKENIZER));
  }

  private static boolean readNfc(@Nullable JsonFields normalizer) {
    if (normalizer == null) {
      return false;
    }
    boolean nfc = false;
    String type = normalizer.requiredText("type");
    switch (type) {
      case "NFC" -> nfc = true;
      case "Sequence" -> {
        for (JsonFields part : normalizer.objects("normalizers")) {
          nfc |= readNfc(part);
        }
      }
      default -> normalizer.unsupported("type", type, "NFC, Sequence");
    }
    normalizer.refuseUnread();
    return nfc;
  }

  private static void readDecoder(JsonFields root) {
    JsonFields decoder = root.object("decoder");
    int byteLevels = decoder == null ? 0 : countByteLevel(decoder);
    if (byteLevels != 1) {
      root.unsupported(
          "decoder",
          decoder == null ? "null" : byteLevels + " times ByteLevel",
          "one ByteLevel, alone or in a Sequence");
    }
  }

  private static int countByteLevel(JsonFields decoder) {
    int count = 0;
    String type = decoder.requiredText("type");
    switch (type) {
      case "ByteLevel" -> {
        count = 1;
        // These act on offsets and on text going the other way.
        decoder.ignore("add_prefix_space", "trim_offsets", "use_regex");
      }
      case "Sequence" -> {
        for (JsonFields part : decoder.objects("decoders")) {
          count += countByteLevel(part);
        }
      }
      default -> decoder.unsupported("type", type, "ByteLevel, Sequence");
    }
    decoder.refuseUnread();
    return count;
  }

  /** The name of a special token: a string, or an object with its content. */
  private static @Nullable String specialToken(String role, @Nullable JsonFields... files) {
    for (JsonFields file : files) {
      JsonNode value = file == null ? null : file.node(role);
      if (file == null || value == null) {
        continue;
      }
      JsonNode content = value.isObject() ? value.get("content") : value;
      if (content != null && content.isString()) {
        return content.stringValue();
      }
      file.problem(
          role, "must be a string or an object with content, found " + JsonFields.show(value));
    }
    return null;
  }

  /**
   * transformers lets tokenizer_config.json override parts of tokenizer.json. Where the two differ
   * the ids would depend on who reads them, so the files have to agree.
   */
  private void checkAgreement(Tokenizer tokenizer, TokenizerSpec spec, JsonFields config) {
    JsonNode prefixSpace = config.node("add_prefix_space");
    if (prefixSpace != null
        && config.bool("add_prefix_space", false) != spec.preTokenizer().addsPrefixSpace()) {
      config.problem(
          "add_prefix_space",
          "is " + prefixSpace + ", but the pre_tokenizer of " + TOKENIZER + " says the opposite");
    }
    if (config.node("add_bos_token") == null && config.node("add_eos_token") == null) {
      return;
    }
    OptionalInt bos = tokenizer.bosTokenId();
    OptionalInt eos = tokenizer.eosTokenId();
    int[] prefix = config.bool("add_bos_token", false) ? bos.stream().toArray() : new int[0];
    int[] suffix = config.bool("add_eos_token", false) ? eos.stream().toArray() : new int[0];
    Template template = spec.template();
    if (!Arrays.equals(prefix, template.prefix()) || !Arrays.equals(suffix, template.suffix())) {
      problems.add(
          CONFIG + ": add_bos_token, add_eos_token",
          "put the ids %s before and %s after a text, but the post_processor of %s puts %s and %s"
              .formatted(
                  Arrays.toString(prefix),
                  Arrays.toString(suffix),
                  TOKENIZER,
                  Arrays.toString(template.prefix()),
                  Arrays.toString(template.suffix())));
    }
  }
}
