package dev.granula.models.tokenizer;

import java.io.ByteArrayOutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Byte-level BPE as the {@code tokenizer.json} of a Hugging Face directory describes it: the same
 * ids as Hugging Face's tokenizers library for every text, and the same text for every ids.
 *
 * <pre>{@code
 * Tokenizer tokenizer = Tokenizer.load(Path.of("Llama-3.2-1B"));
 * int[] ids = tokenizer.encode("Hello", true);
 * String text = tokenizer.decode(ids, true);
 * }</pre>
 *
 * <p>Immutable, and safe for use by several threads at once.
 */
public final class Tokenizer {
  private static final byte[] NO_BYTES = {};

  private final TokenizerSpec spec;
  private final AddedTokenSplitter rawTokens;
  private final AddedTokenSplitter normalizedTokens;
  private final Map<String, AddedToken> addedByContent = new HashMap<>();
  private final Map<Integer, AddedToken> addedById = new HashMap<>();
  private final Set<String> specialContents = new HashSet<>();

  Tokenizer(TokenizerSpec spec) {
    this.spec = spec;
    List<AddedToken> added = spec.addedTokens();
    rawTokens =
        new AddedTokenSplitter(
            added.stream().filter(token -> !token.normalized()).toList(), AddedToken::content);
    normalizedTokens =
        new AddedTokenSplitter(
            added.stream().filter(AddedToken::normalized).toList(), this::surfaceForm);
    for (AddedToken token : added) {
      addedByContent.put(token.content(), token);
      addedById.put(token.id(), token);
      if (token.special()) {
        specialContents.add(token.content());
      }
    }
  }

  /**
   * Reads {@code tokenizer.json}, and the names of the special tokens from {@code
   * tokenizer_config.json} or, failing that, {@code special_tokens_map.json}; those two may be
   * absent. Truncation and padding in {@code tokenizer.json} are passed over, as transformers does.
   *
   * @throws TokenizerFormatException naming everything that is malformed or not supported
   * @throws UncheckedIOException if a file that exists cannot be read
   */
  public static Tokenizer load(Path directory) {
    return TokenizerReader.read(directory);
  }

  /**
   * The ids of a text. Added tokens that stand in the text are recognized, special ones included.
   *
   * @param addSpecialTokens whether to add what the post-processor's template puts around a text,
   *     such as the begin-of-sequence token
   * @throws IllegalArgumentException if the text has an unpaired surrogate, which no encoding of
   *     Unicode can express
   */
  public int[] encode(String text, boolean addSpecialTokens) {
    return encode(text, addSpecialTokens ? spec.template() : Template.none());
  }

  /**
   * The ids of a text that goes on: with what the template puts before a text, such as the
   * begin-of-sequence token, but without what it puts behind one, such as the end-of-sequence
   * token.
   *
   * @throws IllegalArgumentException if the text has an unpaired surrogate
   */
  public int[] encodePrompt(String text) {
    return encode(text, new Template(spec.template().prefix(), new int[0]));
  }

  private int[] encode(String text, Template template) {
    requirePairedSurrogates(text);
    var ids = new IntList();
    ids.addAll(template.prefix());
    rawTokens.split(text, part -> encodeRaw(part, ids), ids::add);
    ids.addAll(template.suffix());
    return ids.toArray();
  }

  private void encodeRaw(String text, IntList ids) {
    normalizedTokens.split(normalize(text), part -> encodeWords(part, ids), ids::add);
  }

  private void encodeWords(String text, IntList ids) {
    spec.preTokenizer().split(text, word -> spec.model().encode(word, ids));
  }

  /**
   * The text of ids, byte for byte; bytes that are not UTF-8 become U+FFFD. An id that names no
   * token, as a model with a padded vocabulary may produce, adds nothing.
   *
   * @param skipSpecialTokens whether to leave out special tokens
   * @throws IllegalArgumentException if an id is negative
   */
  public String decode(int[] ids, boolean skipSpecialTokens) {
    var bytes = new ByteArrayOutputStream(ids.length * 4);
    for (int id : ids) {
      bytes.writeBytes(bytes(id, skipSpecialTokens));
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** A decoder for ids that come one by one. */
  public StreamingDecoder streamingDecoder(boolean skipSpecialTokens) {
    return new StreamingDecoder(this, skipSpecialTokens);
  }

  /** The id of a token, given as {@code tokenizer.json} spells it. */
  public OptionalInt tokenId(String token) {
    AddedToken added = addedByContent.get(token);
    int id = added != null ? added.id() : spec.model().vocabulary().id(token);
    return id == Vocabulary.NONE ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** The token of an id, as {@code tokenizer.json} spells it. */
  public Optional<String> token(int id) {
    AddedToken added = addedById.get(id);
    return Optional.ofNullable(
        added != null ? added.content() : spec.model().vocabulary().token(id));
  }

  /** The number of tokens, added ones included. Ids may have gaps. */
  public int vocabularySize() {
    long beyondModel =
        spec.addedTokens().stream()
            .filter(token -> spec.model().vocabulary().id(token.content()) == Vocabulary.NONE)
            .count();
    return spec.model().vocabulary().size() + (int) beyondModel;
  }

  /** The begin-of-sequence token, if the directory names one. */
  public OptionalInt bosTokenId() {
    return specialId(spec.specialTokens().bos());
  }

  /** The end-of-sequence token, if the directory names one. */
  public OptionalInt eosTokenId() {
    return specialId(spec.specialTokens().eos());
  }

  /** The padding token, if the directory names one. */
  public OptionalInt padTokenId() {
    return specialId(spec.specialTokens().pad());
  }

  /** Whether the token of an id is marked special. */
  public boolean isSpecial(int id) {
    AddedToken added = addedById.get(id);
    return added != null && added.special();
  }

  byte[] bytes(int id, boolean skipSpecialTokens) {
    if (id < 0) {
      throw new IllegalArgumentException("decode: an id is not negative: " + id);
    }
    AddedToken added = addedById.get(id);
    String token = added != null ? surfaceForm(added) : spec.model().vocabulary().token(id);
    if (token == null || (skipSpecialTokens && specialContents.contains(token))) {
      return NO_BYTES;
    }
    return ByteAlphabet.unspell(token);
  }

  /** What an added token looks like in text that has been normalized as far as it asks for. */
  private String surfaceForm(AddedToken token) {
    return token.normalized() ? normalize(token.content()) : token.content();
  }

  private String normalize(String text) {
    return spec.nfc() ? Normalizer.normalize(text, Normalizer.Form.NFC) : text;
  }

  private OptionalInt specialId(@Nullable String token) {
    return token == null ? OptionalInt.empty() : tokenId(token);
  }

  private static void requirePairedSurrogates(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!Character.isSurrogate(c)) {
        continue;
      }
      boolean paired =
          Character.isHighSurrogate(c)
              && i + 1 < text.length()
              && Character.isLowSurrogate(text.charAt(i + 1));
      if (!paired) {
        throw new IllegalArgumentException(
            "encode: a text has no unpaired surrogates: U+%04X at index %d; repair the text first"
                .formatted((int) c, i));
      }
      i++;
    }
  }
}
