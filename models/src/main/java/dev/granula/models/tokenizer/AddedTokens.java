package dev.granula.models.tokenizer;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Reads the added tokens of a directory and checks that their ids are what they will be. */
final class AddedTokens {
  private final Vocabulary vocabulary;
  private final Map<String, AddedToken> byContent = new LinkedHashMap<>();
  private int nextId;

  private AddedTokens(Vocabulary vocabulary) {
    this.vocabulary = vocabulary;
    nextId = vocabulary.size();
  }

  /**
   * The tokens of tokenizer.json, then, as transformers does it, those that stand in
   * tokenizer_config.json alone.
   */
  static List<AddedToken> read(
      JsonFields root, @Nullable JsonFields config, Vocabulary vocabulary) {
    var tokens = new AddedTokens(vocabulary);
    for (JsonFields fields : root.objects("added_tokens")) {
      AddedToken token = AddedToken.read(fields, fields.tokenId("id"));
      fields.refuseUnread();
      if (tokens.byContent.containsKey(token.content())) {
        fields.problem("content", "\"" + token.content() + "\" is there twice");
      } else {
        tokens.add(token, fields);
      }
    }
    tokens.readConfigured(config);
    return List.copyOf(tokens.byContent.values());
  }

  private void readConfigured(@Nullable JsonFields config) {
    JsonFields decoder = config == null ? null : config.object("added_tokens_decoder");
    JsonNode node = config == null ? null : config.node("added_tokens_decoder");
    if (decoder == null || node == null || !node.isObject()) {
      return;
    }
    List<String> keys =
        node.properties().stream()
            .map(Map.Entry::getKey)
            .sorted(Comparator.comparingInt(String::length).thenComparing(key -> key))
            .toList();
    for (String key : keys) {
      JsonFields fields = decoder.object(key);
      if (fields == null || !key.matches("0|[1-9][0-9]{0,6}")) {
        decoder.problem(key, "must be an id that names an added token");
        continue;
      }
      AddedToken token = AddedToken.read(fields, Integer.parseInt(key));
      AddedToken known = byContent.get(token.content());
      if (known == null) {
        add(token, fields);
      } else if (known.id() != token.id()) {
        decoder.problem(key, "\"" + token.content() + "\" has the id " + known.id());
      }
    }
  }

  /**
   * Hugging Face passes over the ids in the file: a token that the model knows keeps that id, and
   * the others are numbered on from the model's size. A file that says otherwise would mean one
   * thing there and another here.
   */
  private void add(AddedToken token, JsonFields fields) {
    int known = vocabulary.id(token.content());
    int expected = known == Vocabulary.NONE ? nextId++ : known;
    if (token.content().isEmpty()) {
      fields.problem("content", "must not be empty");
    } else if (token.id() != expected) {
      fields.problem(
          "id", "must be " + expected + " for \"" + token.content() + "\", found " + token.id());
    }
    byContent.put(token.content(), token);
  }
}
