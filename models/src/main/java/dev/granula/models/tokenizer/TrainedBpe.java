package dev.granula.models.tokenizer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;
import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A vocabulary that {@link BpeTrainer} learned.
 *
 * @param tokens the tokens by id, spelled in byte symbols
 * @param merges the merge rules, left and right part, first rank first
 * @param specialTokens the first tokens, which stand for no text
 */
public record TrainedBpe(
    List<String> tokens, List<List<String>> merges, List<String> specialTokens) {
  private static final JsonMapper JSON = new JsonMapper();

  /** Takes copies. */
  public TrainedBpe {
    tokens = List.copyOf(tokens);
    merges = List.copyOf(merges);
    specialTokens = List.copyOf(specialTokens);
  }

  /**
   * Writes {@code tokenizer.json} and {@code tokenizer_config.json}, which {@link Tokenizer#load}
   * and Hugging Face's tokenizers read. Each file appears whole or not at all; what it replaces
   * stays until then.
   *
   * @param directory an existing directory
   * @param roles which special tokens begin, end and pad
   * @throws IllegalArgumentException if a role's token is not one of the special tokens
   * @throws UncheckedIOException if a file cannot be written
   */
  public void save(Path directory, SpecialTokens roles) {
    Stream.of(roles.bos(), roles.eos(), roles.pad())
        .filter(token -> token != null && !specialTokens.contains(token))
        .findFirst()
        .ifPresent(
            token -> {
              throw new IllegalArgumentException(
                  "save tokenizer: a role goes to a special token: \""
                      + token
                      + "\" is none of "
                      + specialTokens);
            });
    write(directory.resolve("tokenizer.json"), tokenizerJson());
    write(directory.resolve("tokenizer_config.json"), configJson(roles));
  }

  private ObjectNode tokenizerJson() {
    ObjectNode root = JSON.createObjectNode().put("version", "1.0");
    root.putNull("truncation").putNull("padding");
    var added = root.putArray("added_tokens");
    for (int id = 0; id < specialTokens.size(); id++) {
      added
          .addObject()
          .put("id", id)
          .put("content", specialTokens.get(id))
          .put("single_word", false)
          .put("lstrip", false)
          .put("rstrip", false)
          .put("normalized", false)
          .put("special", true);
    }
    root.putNull("normalizer");
    for (String part : List.of("pre_tokenizer", "post_processor", "decoder")) {
      root.putObject(part)
          .put("type", "ByteLevel")
          .put("add_prefix_space", false)
          .put("trim_offsets", false)
          .put("use_regex", true);
    }
    ObjectNode model = root.putObject("model").put("type", "BPE");
    model.putNull("dropout").putNull("unk_token");
    model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
    model.put("fuse_unk", false).put("byte_fallback", false).put("ignore_merges", false);
    ObjectNode vocabulary = model.putObject("vocab");
    for (int id = 0; id < tokens.size(); id++) {
      vocabulary.put(tokens.get(id), id);
    }
    var rules = model.putArray("merges");
    merges.forEach(rule -> rules.addArray().add(rule.get(0)).add(rule.get(1)));
    return root;
  }

  private static ObjectNode configJson(SpecialTokens roles) {
    return JSON.createObjectNode()
        .put("add_prefix_space", false)
        .put("bos_token", roles.bos())
        .put("clean_up_tokenization_spaces", false)
        .put("eos_token", roles.eos())
        .put("pad_token", roles.pad())
        .put("tokenizer_class", "PreTrainedTokenizerFast");
  }

  /** The same bytes on every platform. */
  private static void write(Path file, ObjectNode content) {
    var printer = new DefaultPrettyPrinter().withObjectIndenter(new DefaultIndenter("  ", "\n"));
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    try {
      Files.writeString(temporary, JSON.writer().with(printer).writeValueAsString(content) + "\n");
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException("save tokenizer: cannot write " + file, e);
    }
  }
}
