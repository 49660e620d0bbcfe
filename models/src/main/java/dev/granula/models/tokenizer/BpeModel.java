package dev.granula.models.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import tools.jackson.databind.JsonNode;

/**
 * Byte-pair encoding of one word: its bytes are merged, lowest rank first, leftmost first among
 * equals, until no rule applies.
 */
final class BpeModel {
  /** Words repeat, so most are found here; longer ones rarely do, and both bounds cap memory. */
  private static final int MAX_CACHED_WORDS = 1 << 16;

  private static final int MAX_CACHED_CHARS = 256;

  private final Vocabulary vocabulary;
  private final Merges merges;
  private final boolean ignoreMerges;
  private final int[] byteIds;
  private final Map<String, int[]> cache = new ConcurrentHashMap<>();

  private BpeModel(Vocabulary vocabulary, Merges merges, boolean ignoreMerges, int[] byteIds) {
    this.vocabulary = vocabulary;
    this.merges = merges;
    this.ignoreMerges = ignoreMerges;
    this.byteIds = byteIds;
  }

  static BpeModel read(JsonFields model) {
    // Old files leave the type out; Hugging Face then tries the models that fit the fields.
    String type = model.text("type");
    if (type != null && !type.equals("BPE")) {
      model.unsupported("type", type, "BPE");
    }
    JsonNode dropout = model.node("dropout");
    if (dropout != null && !(dropout.isNumber() && dropout.doubleValue() == 0)) {
      model.unsupported("dropout", JsonFields.show(dropout), "null or 0");
    }
    for (String affix : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
      String text = model.text(affix);
      if (text != null && !text.isEmpty()) {
        model.unsupported(affix, "\"" + text + "\"", "null or \"\"");
      }
    }
    if (model.bool("byte_fallback", false)) {
      model.unsupported("byte_fallback", "true", "false (byte-level BPE has no unknown bytes)");
    }
    // With a symbol for each byte nothing is ever unknown, so these two cannot matter.
    model.ignore("unk_token", "fuse_unk");
    boolean ignoreMerges = model.bool("ignore_merges", false);
    Vocabulary vocabulary = Vocabulary.read(model);
    int[] byteIds = byteIds(model, vocabulary);
    Merges merges = readMerges(model, vocabulary);
    model.refuseUnread();
    return new BpeModel(vocabulary, merges, ignoreMerges, byteIds);
  }

  private static int[] byteIds(JsonFields model, Vocabulary vocabulary) {
    int[] byteIds = new int[ByteAlphabet.SIZE];
    int missing = 0;
    for (int b = 0; b < byteIds.length; b++) {
      byteIds[b] = vocabulary.id(String.valueOf(ByteAlphabet.symbol(b)));
      missing += byteIds[b] == Vocabulary.NONE ? 1 : 0;
    }
    if (missing > 0) {
      model.problem(
          "vocab",
          missing
              + " of the 256 byte symbols are missing, so some text could not be encoded; a"
              + " byte-level vocabulary has them all");
    }
    return byteIds;
  }

  private static Merges readMerges(JsonFields model, Vocabulary vocabulary) {
    if (model.node("merges") == null) {
      model.problem("merges", "is missing");
    }
    List<JsonNode> rules = model.list("merges");
    var merges = new Merges(rules.size());
    for (int i = 0; i < rules.size(); i++) {
      String where = model.where("merges") + "[" + i + "]";
      String[] pair = mergePair(rules.get(i));
      if (pair.length != 2) {
        model
            .problems()
            .add(
                where, "must be \"a b\" or [\"a\", \"b\"], found " + JsonFields.show(rules.get(i)));
        continue;
      }
      int left = vocabulary.id(pair[0]);
      int right = vocabulary.id(pair[1]);
      int merged = vocabulary.id(pair[0] + pair[1]);
      if (left == Vocabulary.NONE || right == Vocabulary.NONE || merged == Vocabulary.NONE) {
        String absent =
            left == Vocabulary.NONE
                ? pair[0]
                : right == Vocabulary.NONE ? pair[1] : pair[0] + pair[1];
        model.problems().add(where, "\"" + absent + "\" is not in the vocabulary");
      } else {
        merges.add(left, right, merged);
      }
    }
    return merges;
  }

  private static String[] mergePair(JsonNode rule) {
    if (rule.isString()) {
      return rule.stringValue().split(" ", -1);
    }
    boolean pair = rule.isArray() && rule.size() == 2;
    return pair && rule.get(0).isString() && rule.get(1).isString()
        ? new String[] {rule.get(0).stringValue(), rule.get(1).stringValue()}
        : new String[0];
  }

  Vocabulary vocabulary() {
    return vocabulary;
  }

  /** Appends the ids of one word, plain text as the pre-tokenizer cut it. */
  void encode(String word, IntList ids) {
    int[] cached = cache.get(word);
    if (cached == null) {
      cached = encode(word);
      if (word.length() <= MAX_CACHED_CHARS && cache.size() < MAX_CACHED_WORDS) {
        cache.put(word, cached);
      }
    }
    ids.addAll(cached);
  }

  private int[] encode(String word) {
    byte[] utf8 = word.getBytes(StandardCharsets.UTF_8);
    if (ignoreMerges) {
      int whole = vocabulary.id(ByteAlphabet.spell(utf8));
      if (whole != Vocabulary.NONE) {
        return new int[] {whole};
      }
    }
    int[] symbols = new int[utf8.length];
    for (int i = 0; i < utf8.length; i++) {
      symbols[i] = byteIds[utf8[i] & 0xFF];
    }
    return new Word(symbols).merge();
  }

  /**
   * The symbols of a word as a doubly linked list over arrays, and the heap of merges that may
   * apply. An entry is rank * 2^32 + position of its left symbol; an entry that other merges made
   * stale is noticed when it is taken. O(n log n) for n bytes.
   */
  private final class Word {
    private static final int GONE = -1;

    private final int[] symbols;
    private final int[] next;
    private final int[] previous;
    private final LongHeap heap;

    Word(int[] symbols) {
      this.symbols = symbols;
      next = new int[symbols.length];
      previous = new int[symbols.length];
      heap = new LongHeap(symbols.length);
      for (int i = 0; i < symbols.length; i++) {
        previous[i] = i - 1;
        next[i] = i + 1;
      }
      for (int i = 0; i + 1 < symbols.length; i++) {
        offer(i);
      }
    }

    int[] merge() {
      while (!heap.isEmpty()) {
        long entry = heap.pop();
        int left = (int) entry;
        int right = next[left];
        if (symbols[left] == GONE || right == symbols.length) {
          continue;
        }
        int rank = merges.rank(symbols[left], symbols[right]);
        int mergedId = merges.mergedId((int) (entry >>> 32));
        if (rank == Merges.NONE || merges.mergedId(rank) != mergedId) {
          continue;
        }
        symbols[left] = mergedId;
        symbols[right] = GONE;
        next[left] = next[right];
        if (next[left] < symbols.length) {
          previous[next[left]] = left;
          offer(left);
        }
        if (previous[left] >= 0) {
          offer(previous[left]);
        }
      }
      return remaining();
    }

    private void offer(int left) {
      int rank = merges.rank(symbols[left], symbols[next[left]]);
      if (rank != Merges.NONE) {
        heap.push((long) rank << 32 | left);
      }
    }

    private int[] remaining() {
      int count = 0;
      for (int i = 0; i < symbols.length; i = next[i]) {
        symbols[count++] = symbols[i];
      }
      return Arrays.copyOf(symbols, count);
    }
  }
}
