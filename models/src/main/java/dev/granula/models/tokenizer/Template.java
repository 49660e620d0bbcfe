package dev.granula.models.tokenizer;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * The ids that a post-processor puts around those of a single text when special tokens are asked
 * for.
 */
record Template(int[] prefix, int[] suffix) {
  private static final String TYPES = "TemplateProcessing, ByteLevel, Sequence";

  static Template none() {
    return new Template(new int[0], new int[0]);
  }

  static Template read(JsonFields root) {
    JsonFields fields = root.object("post_processor");
    return fields == null ? none() : readProcessor(fields, none());
  }

  private static Template readProcessor(JsonFields fields, Template before) {
    String type = fields.requiredText("type");
    Template template = before;
    switch (type) {
      case "Sequence" -> {
        for (JsonFields part : fields.objects("processors")) {
          template = readProcessor(part, template);
        }
      }
      // As a post-processor ByteLevel trims offsets, which nobody asks for here.
      case "ByteLevel" -> fields.ignore("add_prefix_space", "trim_offsets", "use_regex");
      case "TemplateProcessing" -> {
        if (before.prefix.length + before.suffix.length > 0) {
          fields.unsupported("type", "a second TemplateProcessing", "one that adds tokens");
        }
        template = readTemplate(fields);
      }
      default -> fields.unsupported("type", type, TYPES);
    }
    fields.refuseUnread();
    return template;
  }

  private static Template readTemplate(JsonFields fields) {
    // The template for pairs of texts is of no use to a decoder.
    fields.ignore("pair");
    Map<String, int[]> specials = readSpecials(fields);
    var prefix = new IntList();
    var suffix = new IntList();
    int sequences = 0;
    for (JsonFields piece : fields.objects("single")) {
      JsonFields special = piece.object("SpecialToken");
      JsonFields sequence = piece.object("Sequence");
      if (special != null) {
        special.ignore("type_id");
        String name = special.requiredText("id");
        int[] ids = specials.get(name);
        if (ids == null) {
          special.problem("id", "\"" + name + "\" is not among special_tokens");
        } else {
          (sequences == 0 ? prefix : suffix).addAll(ids);
        }
        special.refuseUnread();
      }
      if (sequence != null) {
        sequence.ignore("type_id");
        String id = sequence.requiredText("id");
        if (!id.equals("A")) {
          sequence.unsupported("id", id, "A");
        }
        sequence.refuseUnread();
        sequences++;
      }
      piece.refuseUnread();
    }
    if (sequences != 1) {
      fields.unsupported("single", sequences + " times the Sequence A", "once");
    }
    return new Template(prefix.toArray(), suffix.toArray());
  }

  private static Map<String, int[]> readSpecials(JsonFields fields) {
    Map<String, int[]> specials = new HashMap<>();
    JsonFields declared = fields.object("special_tokens");
    JsonNode names = fields.node("special_tokens");
    if (declared == null || names == null || !names.isObject()) {
      return specials;
    }
    for (String name : names.propertyNames()) {
      JsonFields special = declared.object(name);
      if (special == null) {
        continue;
      }
      special.ignore("id", "tokens");
      var ids = new IntList();
      List<JsonNode> elements = special.list("ids");
      for (int i = 0; i < elements.size(); i++) {
        String where = special.where("ids") + "[" + i + "]";
        ids.add(JsonFields.tokenId(where, elements.get(i), fields.problems()));
      }
      specials.put(name, ids.toArray());
      special.refuseUnread();
    }
    return specials;
  }
}
