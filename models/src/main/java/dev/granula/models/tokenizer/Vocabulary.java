package dev.granula.models.tokenizer;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The model's own tokens, spelled in {@link ByteAlphabet} symbols, and their ids. */
final class Vocabulary {
  /** Ids index arrays here and rows of an embedding elsewhere; no vocabulary comes near this. */
  static final int MAX_ID = (1 << 24) - 1;

  static final int NONE = -1;

  private final Map<String, Integer> idByToken;
  private final Map<Integer, String> tokenById;

  private Vocabulary(int capacity) {
    idByToken = HashMap.newHashMap(capacity);
    tokenById = HashMap.newHashMap(capacity);
  }

  static Vocabulary read(JsonFields model) {
    JsonNode object = model.node("vocab");
    if (object == null || !object.isObject()) {
      model.problem(
          "vocab",
          object == null ? "is missing" : "must be an object of token to id, found a list");
      return new Vocabulary(0);
    }
    var vocabulary = new Vocabulary(object.size());
    for (Map.Entry<String, JsonNode> entry : object.properties()) {
      String where = model.where("vocab") + "[\"" + entry.getKey() + "\"]";
      int id = JsonFields.tokenId(where, entry.getValue(), model.problems());
      if (id == NONE) {
        continue;
      }
      vocabulary.idByToken.put(entry.getKey(), id);
      String other = vocabulary.tokenById.put(id, entry.getKey());
      if (other != null) {
        model.problems().add(where, "id " + id + " is already that of \"" + other + "\"");
      }
    }
    return vocabulary;
  }

  /** The id of a token, or {@link #NONE}. */
  int id(String token) {
    Integer id = idByToken.get(token);
    return id == null ? NONE : id;
  }

  @Nullable String token(int id) {
    return tokenById.get(id);
  }

  int size() {
    return idByToken.size();
  }
}
