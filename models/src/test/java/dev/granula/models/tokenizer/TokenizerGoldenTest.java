package dev.granula.models.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import tools.jackson.databind.JsonNode;

class TokenizerGoldenTest {
  private static final List<String> NAMES = Goldens.NAMES;

  @ParameterizedTest
  @FieldSource("NAMES")
  void encodesAsHuggingFace(String name) {
    Tokenizer tokenizer = Tokenizer.load(Goldens.directory(name));
    List<JsonNode> cases =
        Goldens.read(name + "/cases.json").get("texts").values().stream().toList();
    assertTrue(cases.size() > 150);
    for (JsonNode golden : cases) {
      String text = golden.get("text").stringValue();
      assertArrayEquals(
          Goldens.ids(golden.get("ids")), tokenizer.encode(text, false), () -> golden.toString());
      assertArrayEquals(
          Goldens.ids(golden.get("ids_with_special")),
          tokenizer.encode(text, true),
          () -> golden.toString());
    }
  }

  @Test
  void aPromptHasOnlyWhatTheTemplatePutsBeforeIt() {
    Tokenizer tokenizer = Tokenizer.load(Goldens.directory("mixed"));
    int[] text = tokenizer.encode("hello", false);
    assertArrayEquals(
        around(new int[] {1}, text, new int[] {2, 2}), tokenizer.encode("hello", true));
    assertArrayEquals(around(new int[] {1}, text, new int[0]), tokenizer.encodePrompt("hello"));
  }

  private static int[] around(int[]... parts) {
    return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void decodesAsHuggingFace(String name) {
    Tokenizer tokenizer = Tokenizer.load(Goldens.directory(name));
    for (JsonNode golden : decodingCases(name)) {
      int[] ids = Goldens.ids(golden.get("ids"));
      assertEquals(golden.get("decoded").stringValue(), tokenizer.decode(ids, false));
      assertEquals(golden.get("decoded_skipping").stringValue(), tokenizer.decode(ids, true));
    }
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void streamsWhatItDecodes(String name) {
    Tokenizer tokenizer = Tokenizer.load(Goldens.directory(name));
    StreamingDecoder stream = tokenizer.streamingDecoder(true);
    for (JsonNode golden : decodingCases(name)) {
      var text = new StringBuilder();
      for (int id : Goldens.ids(golden.get("ids"))) {
        text.append(stream.append(id));
      }
      text.append(stream.finish());
      assertEquals(golden.get("decoded_skipping").stringValue(), text.toString());
    }
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void countsItsTokens(String name) {
    Tokenizer tokenizer = Tokenizer.load(Goldens.directory(name));
    int size = Goldens.read(name + "/cases.json").get("vocabulary_size").intValue();
    assertEquals(size, tokenizer.vocabularySize());
    for (int id = 0; id < size; id++) {
      assertEquals(OptionalInt.of(id), tokenizer.tokenId(tokenizer.token(id).orElseThrow()));
    }
    assertTrue(tokenizer.token(size).isEmpty());
    assertTrue(tokenizer.tokenId("no such token").isEmpty());
  }

  @Test
  void namesItsSpecialTokens() {
    Tokenizer gpt2 = Tokenizer.load(Goldens.directory("gpt2"));
    assertEquals(OptionalInt.of(0), gpt2.bosTokenId());
    assertEquals(OptionalInt.of(0), gpt2.eosTokenId());
    assertEquals(OptionalInt.empty(), gpt2.padTokenId());
    assertTrue(gpt2.isSpecial(0));
    Tokenizer mixed = Tokenizer.load(Goldens.directory("mixed"));
    assertEquals(OptionalInt.of(0), mixed.padTokenId());
    assertEquals(OptionalInt.of(1), mixed.bosTokenId());
    assertEquals(OptionalInt.of(2), mixed.eosTokenId());
  }

  private static List<JsonNode> decodingCases(String name) {
    JsonNode root = Goldens.read(name + "/cases.json");
    List<JsonNode> cases = new ArrayList<>(root.get("texts").values());
    cases.addAll(root.get("ids").values());
    assertTrue(cases.size() > 200);
    return cases;
  }
}
