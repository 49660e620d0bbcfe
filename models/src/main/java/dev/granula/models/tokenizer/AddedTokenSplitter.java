package dev.granula.models.tokenizer;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntConsumer;

/**
 * Cuts text at added tokens, leftmost first and longest among those that start at one place, with
 * Hugging Face's treatment of the flags (tokenizers, added_vocabulary.rs, find_matches). In
 * particular a match that {@code single_word} discards still hides what overlaps it.
 */
final class AddedTokenSplitter {
  private static final int NONE = -1;

  /** Sorted, so that the tokens sharing a prefix are a range: a trie without nodes. */
  private final String[] patterns;

  private final AddedToken[] tokens;

  AddedTokenSplitter(List<AddedToken> added, Function<AddedToken, String> pattern) {
    tokens = added.toArray(AddedToken[]::new);
    Arrays.sort(tokens, Comparator.comparing(pattern));
    patterns = Arrays.stream(tokens).map(pattern).toArray(String[]::new);
  }

  /**
   * Passes on, in order, the parts of a text that hold no added token, none of them empty, and the
   * ids of the tokens between them.
   */
  void split(String text, Consumer<String> texts, IntConsumer ids) {
    int done = 0;
    int at = 0;
    while (at < text.length() && tokens.length > 0) {
      int match = longestAt(text, at);
      if (match == NONE) {
        at++;
        continue;
      }
      AddedToken token = tokens[match];
      int start = at;
      int end = at + patterns[match].length();
      at = end;
      if (token.singleWord() && touchesWord(text, start, end)) {
        continue;
      }
      if (token.lstrip()) {
        start = Math.max(done, UnicodeClasses.whiteSpaceStart(text, start));
      }
      if (token.rstrip()) {
        end = UnicodeClasses.whiteSpaceEnd(text, end);
      }
      if (done < start) {
        texts.accept(text.substring(done, start));
      }
      ids.accept(token.id());
      done = end;
    }
    if (done < text.length()) {
      texts.accept(text.substring(done));
    }
  }

  /** The index of the longest pattern that starts at {@code from}, or NONE. */
  private int longestAt(String text, int from) {
    int longest = NONE;
    int low = 0;
    int high = patterns.length;
    for (int depth = 0; from + depth < text.length(); depth++) {
      char c = text.charAt(from + depth);
      low = firstNotBelow(c, depth, low, high);
      high = c == Character.MAX_VALUE ? high : firstNotBelow((char) (c + 1), depth, low, high);
      if (low == high) {
        break;
      }
      if (patterns[low].length() == depth + 1) {
        longest = low;
      }
    }
    return longest;
  }

  /** The first pattern of the range whose character at {@code depth} is at least {@code c}. */
  private int firstNotBelow(char c, int depth, int from, int to) {
    int low = from;
    int high = to;
    while (low < high) {
      int middle = (low + high) >>> 1;
      String pattern = patterns[middle];
      if (pattern.length() <= depth || pattern.charAt(depth) < c) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private static boolean touchesWord(String text, int start, int end) {
    return (start > 0 && UnicodeClasses.isWord(text.codePointBefore(start)))
        || (end < text.length() && UnicodeClasses.isWord(text.codePointAt(end)));
  }
}
