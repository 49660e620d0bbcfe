package dev.granula.models.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Learns a byte-level BPE vocabulary: words as GPT-2 cuts them, starting from bytes, and again and
 * again the most frequent pair of neighbours becomes a token. Ties go to the pair with the lower
 * ids, so the outcome depends on the texts alone, and not on their order.
 *
 * <p>Ids are the special tokens, then the 256 bytes in the order of their symbols, then the merges:
 * the layout of Hugging Face's BpeTrainer (tokenizers, models/bpe/trainer.rs), whose choices this
 * follows.
 */
public final class BpeTrainer {
  private final int vocabularySize;
  private final int minimumFrequency;
  private final List<String> specialTokens;

  /**
   * @param vocabularySize the most tokens there may be, special ones and bytes included
   * @param minimumFrequency how often a pair must occur to become a token, at least 1
   * @param specialTokens tokens outside the text, which get the ids from 0 up
   */
  public BpeTrainer(int vocabularySize, int minimumFrequency, List<String> specialTokens) {
    Set<String> distinct = new HashSet<>(specialTokens);
    if (distinct.size() < specialTokens.size() || distinct.contains("")) {
      throw new IllegalArgumentException(
          "train tokenizer: special tokens are distinct and not empty: " + specialTokens);
    }
    for (String token : specialTokens) {
      if (token.length() == 1 && ByteAlphabet.isSymbol(token.charAt(0))) {
        throw new IllegalArgumentException(
            "train tokenizer: a special token is not a byte symbol: \"" + token + "\"");
      }
    }
    int least = specialTokens.size() + ByteAlphabet.SIZE;
    if (vocabularySize < least || vocabularySize > Vocabulary.MAX_ID + 1) {
      throw new IllegalArgumentException(
          "train tokenizer: the vocabulary size is from %d (special tokens and bytes) to %d: %d"
              .formatted(least, Vocabulary.MAX_ID + 1, vocabularySize));
    }
    if (minimumFrequency < 1) {
      throw new IllegalArgumentException(
          "train tokenizer: the minimum frequency is at least 1: " + minimumFrequency);
    }
    this.vocabularySize = vocabularySize;
    this.minimumFrequency = minimumFrequency;
    this.specialTokens = List.copyOf(specialTokens);
  }

  /** Learns from texts. Fewer tokens than asked for come out where the texts hold no more pairs. */
  public TrainedBpe train(Iterable<String> texts) {
    Map<String, Long> wordCounts = new HashMap<>();
    PreTokenizer preTokenizer = PreTokenizer.gpt2();
    for (String text : texts) {
      preTokenizer.split(text, word -> wordCounts.merge(word, 1L, Long::sum));
    }
    return new Run(wordCounts).train();
  }

  private record Pair(int left, int right) {}

  /** What is known of a pair: how often it occurs, and in which words it may stand. */
  private static final class Occurrences {
    private long count;
    private final Set<Integer> words = new HashSet<>();
  }

  private record Candidate(long count, Pair pair) implements Comparable<Candidate> {
    @Override
    public int compareTo(Candidate other) {
      int byCount = Long.compare(other.count, count);
      int byLeft = Integer.compare(pair.left, other.pair.left);
      return byCount != 0
          ? byCount
          : byLeft != 0 ? byLeft : Integer.compare(pair.right, other.pair.right);
    }
  }

  /** One training run: words as ids, updated merge by merge together with the pair counts. */
  private final class Run {
    private final List<String> tokens = new ArrayList<>(specialTokens);
    private final Map<String, Integer> ids = new HashMap<>();
    private final Set<Pair> rules = new LinkedHashSet<>();
    private final int[][] words;
    private final long[] counts;
    private final Map<Pair, Occurrences> pairs = new HashMap<>();
    private final PriorityQueue<Candidate> queue = new PriorityQueue<>();

    Run(Map<String, Long> wordCounts) {
      IntStream.range(0, ByteAlphabet.SIZE)
          .mapToObj(b -> String.valueOf(ByteAlphabet.symbol(b)))
          .sorted()
          .forEach(tokens::add);
      for (int id = 0; id < tokens.size(); id++) {
        ids.put(tokens.get(id), id);
      }
      int[] byteIds = new int[ByteAlphabet.SIZE];
      for (int b = 0; b < byteIds.length; b++) {
        byteIds[b] = tokens.indexOf(String.valueOf(ByteAlphabet.symbol(b)));
      }
      words = new int[wordCounts.size()][];
      counts = new long[words.length];
      int w = 0;
      for (Map.Entry<String, Long> entry : wordCounts.entrySet()) {
        byte[] utf8 = entry.getKey().getBytes(StandardCharsets.UTF_8);
        words[w] = new int[utf8.length];
        for (int i = 0; i < utf8.length; i++) {
          words[w][i] = byteIds[utf8[i] & 0xFF];
        }
        counts[w++] = entry.getValue();
      }
    }

    TrainedBpe train() {
      for (int w = 0; w < words.length; w++) {
        for (int i = 0; i + 1 < words[w].length; i++) {
          count(new Pair(words[w][i], words[w][i + 1]), 1, w);
        }
      }
      offer(pairs.keySet());
      while (tokens.size() < vocabularySize && !queue.isEmpty()) {
        Candidate best = queue.poll();
        Occurrences occurrences = pairs.get(best.pair);
        if (occurrences == null) {
          continue;
        }
        if (occurrences.count != best.count) {
          queue.add(new Candidate(occurrences.count, best.pair));
          continue;
        }
        if (best.count < minimumFrequency) {
          break;
        }
        merge(best.pair, occurrences.words);
        pairs.remove(best.pair);
      }
      List<List<String>> merges =
          rules.stream()
              .map(rule -> List.of(tokens.get(rule.left), tokens.get(rule.right)))
              .toList();
      return new TrainedBpe(tokens, merges, specialTokens);
    }

    private void merge(Pair pair, Set<Integer> where) {
      String token = tokens.get(pair.left) + tokens.get(pair.right);
      int id = ids.computeIfAbsent(token, _ -> tokens.size());
      if (id == tokens.size()) {
        tokens.add(token);
      }
      rules.add(pair);
      Set<Pair> formed = new HashSet<>();
      for (int w : where) {
        words[w] = merged(w, pair, id, formed);
      }
      offer(formed);
    }

    /** A word after a merge; the counts of the pairs that went and came are brought up to date. */
    private int[] merged(int w, Pair pair, int id, Set<Pair> formed) {
      int[] word = words[w];
      var result = new IntList();
      int previous = Vocabulary.NONE;
      for (int i = 0; i < word.length; i++) {
        boolean found = i + 1 < word.length && word[i] == pair.left && word[i + 1] == pair.right;
        if (found) {
          if (previous != Vocabulary.NONE) {
            count(new Pair(previous, pair.left), -1, w);
            form(new Pair(previous, id), w, formed);
          }
          if (i + 2 < word.length) {
            count(new Pair(pair.right, word[i + 2]), -1, w);
            form(new Pair(id, word[i + 2]), w, formed);
          }
          i++;
        }
        previous = found ? id : word[i];
        result.add(previous);
      }
      return result.toArray();
    }

    private void form(Pair pair, int w, Set<Pair> formed) {
      count(pair, 1, w);
      formed.add(pair);
    }

    private void count(Pair pair, int change, int w) {
      Occurrences occurrences = pairs.computeIfAbsent(pair, _ -> new Occurrences());
      occurrences.count += change * counts[w];
      if (change > 0) {
        occurrences.words.add(w);
      }
    }

    private void offer(Collection<Pair> formed) {
      for (Pair pair : formed) {
        Occurrences occurrences = pairs.get(pair);
        if (occurrences != null && occurrences.count > 0) {
          queue.add(new Candidate(occurrences.count, pair));
        }
      }
    }
  }
}
