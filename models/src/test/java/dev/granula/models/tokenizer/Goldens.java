package dev.granula.models.tokenizer;

import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The tokenizers and cases that {@code make_tokenizer_goldens.py} wrote. */
final class Goldens {
  static final List<String> NAMES = List.of("gpt2", "llama3", "qwen2", "mixed");

  private static final Path ROOT = Path.of("src/test/resources/goldens/tokenizer");

  private Goldens() {}

  static Path directory(String name) {
    return ROOT.resolve(name);
  }

  static JsonNode read(String file) {
    return new JsonMapper().readTree(ROOT.resolve(file));
  }

  static int[] ids(JsonNode node) {
    return node.values().stream().mapToInt(JsonNode::intValue).toArray();
  }
}
