package dev.granula.models.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

class TokenizerErrorsTest {
  private static final JsonMapper JSON = new JsonMapper();

  @TempDir private Path directory;

  private ObjectNode golden(String name) {
    return (ObjectNode) Goldens.read(name + "/tokenizer.json");
  }

  private void write(String file, JsonNode content) throws Exception {
    Files.writeString(directory.resolve(file), JSON.writeValueAsString(content));
  }

  private List<String> problems() {
    return assertThrows(TokenizerFormatException.class, () -> Tokenizer.load(directory)).problems();
  }

  /** Sets a JSON pointer of the Llama 3 golden to a value and looks for a problem that names it. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      value = {
        "/version; \"2.0\"; version: found 2.0, supported: 1.0",
        "/surprise; 1; surprise: found 1, supported: no such field",
        "/normalizer; {\"type\":\"NFKC\"}; normalizer.type: found NFKC, supported: NFC, Sequence",
        "/pre_tokenizer; null; pre_tokenizer: found null",
        "/pre_tokenizer; {\"type\":\"Metaspace\"}; pre_tokenizer.type: found Metaspace",
        "/pre_tokenizer/pretokenizers/0/behavior; \"Contiguous\"; [0].behavior: found Contiguous",
        "/pre_tokenizer/pretokenizers/0/pattern; {\"Regex\":\"(a)+\"}; pattern has repetition",
        "/pre_tokenizer/pretokenizers/0/pattern; 5; pattern: must be an object, found 5",
        "/pre_tokenizer/pretokenizers/0/type; \"ByteLevel\"; ByteLevel only as the last",
        "/pre_tokenizer/pretokenizers/1/use_regex; \"yes\"; use_regex: must be true or false",
        "/post_processor; {\"type\":\"BertProcessing\"}; post_processor.type: found BertProcessing",
        "/post_processor/processors/1/single; []; single: found 0 times the Sequence A",
        "/post_processor/processors/1/special_tokens; {}; is not among special_tokens",
        "/decoder; null; decoder: found null, supported: one ByteLevel",
        "/decoder/type; \"WordPiece\"; decoder.type: found WordPiece",
        "/model; null; model: is missing",
        "/model/type; \"Unigram\"; model.type: found Unigram, supported: BPE",
        "/model/dropout; 0.1; model.dropout: found 0.1, supported: null or 0",
        "/model/byte_fallback; true; model.byte_fallback: found true",
        "/model/continuing_subword_prefix; \"##\"; model.continuing_subword_prefix: found \"##\"",
        "/model/end_of_word_suffix; \"</w>\"; model.end_of_word_suffix: found \"</w>\"",
        "/model/vocab; []; model.vocab: must be an object",
        "/model/vocab; {\"a\":0,\"b\":0}; model.vocab[\"b\"]: id 0 is already that of \"a\"",
        "/model/vocab; {\"a\":-1}; model.vocab[\"a\"]: must be an id from 0 to 16777215, found -1",
        "/model/vocab; {\"a\":1e3}; must be an id from 0 to 16777215, found 1000.0",
        "/model/vocab; {\"a\":4294967296}; must be an id from 0 to 16777215, found 4294967296",
        "/model/vocab; {\"a\":0}; 255 of the 256 byte symbols are missing",
        "/model/merges; null; model.merges: is missing",
        "/model/merges/0; \"a b c\"; model.merges[0]: must be \"a b\" or [\"a\", \"b\"]",
        "/model/merges/1; [\"a\",\"nowhere\"]; model.merges[1]: \"nowhere\" is not in the vocab",
        "/added_tokens/1/id; 5; added_tokens[1].id: must be 704 for \"<|begin|>\", found 5",
        "/added_tokens/0/content; null; added_tokens[0].content: must not be empty",
        "/added_tokens/2/content; \"<|begin|>\"; added_tokens[2].content: \"<|begin|>\" is there twice",
        "/added_tokens/0/lstrip; 1; added_tokens[0].lstrip: must be true or false, found 1",
        "/added_tokens/0/color; 1; added_tokens[0].color: found 1, supported: no such field",
      })
  void namesFieldAndValue(String pointer, String value, String problem) throws Exception {
    ObjectNode root = golden("llama3");
    int last = pointer.lastIndexOf('/');
    JsonNode parent = root.at(pointer.substring(0, last));
    String name = pointer.substring(last + 1);
    if (parent.isArray()) {
      parent.asArray().set(Integer.parseInt(name), JSON.readTree(value));
    } else {
      parent.asObject().set(name, JSON.readTree(value));
    }
    write("tokenizer.json", root);
    assertTrue(
        problems().stream().anyMatch(p -> p.startsWith("tokenizer.json: ") && p.contains(problem)),
        () -> problems().toString());
  }

  @Test
  void reportsAllProblemsAtOnce() throws Exception {
    ObjectNode root = golden("gpt2").put("version", "3");
    root.withObject("/model").put("dropout", 0.5).put("byte_fallback", true);
    root.putObject("normalizer").put("type", "Lowercase");
    write("tokenizer.json", root);
    write("tokenizer_config.json", JSON.createObjectNode().put("eos_token", "</s>"));
    List<String> problems = problems();
    assertEquals(5, problems.size(), problems::toString);
    var e = assertThrows(TokenizerFormatException.class, () -> Tokenizer.load(directory));
    problems.forEach(problem -> assertTrue(e.getMessage().contains(problem)));
    assertTrue(e.getMessage().startsWith("load tokenizer: " + directory + ": "));
    assertEquals(directory, e.directory());
  }

  @Test
  void refusesFilesThatAreNoJson() throws Exception {
    assertTrue(problems().getFirst().startsWith("tokenizer.json: does not exist"));
    Files.writeString(directory.resolve("tokenizer.json"), "{\"version\": \"1.0\", ");
    assertTrue(problems().getFirst().contains("is not valid JSON"));
    Files.writeString(directory.resolve("tokenizer.json"), "{\"model\": null,\n\"model\": 1}");
    assertTrue(problems().getFirst().toLowerCase(Locale.ROOT).contains("duplicate"));
    assertTrue(problems().getFirst().contains("line 2"));
    Files.writeString(directory.resolve("tokenizer.json"), "[".repeat(100_000));
    assertTrue(problems().getFirst().contains("is not valid JSON"));
    Files.writeString(directory.resolve("tokenizer.json"), "[]");
    assertTrue(problems().getFirst().contains("must be an object, found []"));
  }

  @Test
  void refusesAConfigThatContradictsTheTokenizer() throws Exception {
    write("tokenizer.json", golden("llama3"));
    write("tokenizer_config.json", JSON.createObjectNode().put("bos_token", "<s>"));
    assertTrue(
        problems().getFirst().contains("the special token \"<s>\" is not in the vocabulary"));
    write("tokenizer_config.json", JSON.createObjectNode().put("bos_token", 7));
    assertTrue(problems().getFirst().contains("bos_token: must be a string or an object"));
    write(
        "tokenizer_config.json",
        JSON.createObjectNode().put("bos_token", "<|begin|>").put("add_bos_token", false));
    assertTrue(problems().getFirst().contains("add_bos_token"));
    write("tokenizer_config.json", JSON.createObjectNode().put("add_prefix_space", true));
    assertTrue(problems().getFirst().contains("add_prefix_space"));
    var config = JSON.createObjectNode();
    config.putObject("added_tokens_decoder").putObject("3").put("content", "<|begin|>");
    write("tokenizer_config.json", config);
    assertTrue(problems().getFirst().contains("\"<|begin|>\" has the id 704"));
  }

  @Test
  void takesTokensThatOnlyTheConfigHas() throws Exception {
    ObjectNode root = golden("llama3");
    int next = 703 + root.get("added_tokens").size();
    write("tokenizer.json", root);
    var config = JSON.createObjectNode().put("eos_token", "<late>");
    config
        .putObject("added_tokens_decoder")
        .putObject(Integer.toString(next))
        .put("content", "<late>")
        .put("special", true);
    write("tokenizer_config.json", config);
    Tokenizer tokenizer = Tokenizer.load(directory);
    assertEquals(next, tokenizer.eosTokenId().orElseThrow());
    assertArrayEquals(new int[] {next, next}, tokenizer.encode("<late><late>", false));
    assertEquals("", tokenizer.decode(new int[] {next}, true));
  }

  @Test
  void fallsBackToTheSpecialTokensMap() throws Exception {
    write("tokenizer.json", golden("llama3"));
    var map = JSON.createObjectNode();
    map.putObject("eos_token").put("content", "<|eot|>");
    write("special_tokens_map.json", map);
    assertEquals(705, Tokenizer.load(directory).eosTokenId().orElseThrow());
  }

  @Test
  void refusesTextAndIdsThatCannotBe() {
    Tokenizer tokenizer = Tokenizer.load(Goldens.directory("gpt2"));
    for (String text : List.of("a\ud800", "\udc00b", "\ud83d\ud83d\ude00")) {
      var e = assertThrows(IllegalArgumentException.class, () -> tokenizer.encode(text, false));
      assertTrue(e.getMessage().contains("unpaired surrogate"), e.getMessage());
    }
    assertThrows(IllegalArgumentException.class, () -> tokenizer.decode(new int[] {0, -1}, false));
    assertThrows(
        IllegalArgumentException.class, () -> tokenizer.streamingDecoder(false).append(-1));
  }

  @Test
  void holdsBackWhatIsNotComplete() {
    Tokenizer tokenizer = Tokenizer.load(Goldens.directory("gpt2"));
    int[] bytes =
        "\u00f0\u0141\u013a\u0124"
            .chars()
            .map(symbol -> tokenizer.tokenId(Character.toString(symbol)).orElseThrow())
            .toArray();
    StreamingDecoder stream = tokenizer.streamingDecoder(false);
    assertEquals("", stream.append(bytes[0]) + stream.append(bytes[1]) + stream.append(bytes[2]));
    assertEquals("\ud83d\ude02", stream.append(bytes[3]));
    assertEquals("", stream.append(bytes[0]) + stream.append(bytes[1]));
    assertEquals("\ufffda", stream.append(tokenizer.tokenId("a").orElseThrow()));
    assertEquals("", stream.append(bytes[0]));
    assertEquals("\ufffd", stream.finish());
    assertEquals("", stream.finish());
  }
}
