package dev.granula.models.tokenizer;

import java.util.Arrays;

/**
 * The merge rules: (left id, right id) to rank, and rank to the id of the merged token. An open
 * hash table over primitive arrays, since a lookup is made for every neighbour pair of every word.
 */
final class Merges {
  static final int NONE = -1;

  /** No packed pair of non-negative ids is negative, so -1 marks a free slot. */
  private static final long FREE = -1;

  private final long[] keys;
  private final int[] ranks;
  private final int[] mergedIds;
  private int count;

  Merges(int capacity) {
    int slots = Integer.highestOneBit(Math.max(4, capacity)) * 4;
    keys = new long[slots];
    Arrays.fill(keys, FREE);
    ranks = new int[slots];
    mergedIds = new int[capacity];
  }

  /** Adds the next rule; the rank of a pair that is given twice is that of the last mention. */
  void add(int left, int right, int mergedId) {
    int slot = slot(left, right);
    keys[slot] = pair(left, right);
    ranks[slot] = count;
    mergedIds[count++] = mergedId;
  }

  /** The rank of the pair, lower first, or {@link #NONE}. */
  int rank(int left, int right) {
    int slot = slot(left, right);
    return keys[slot] == FREE ? NONE : ranks[slot];
  }

  int mergedId(int rank) {
    return mergedIds[rank];
  }

  private int slot(int left, int right) {
    long key = pair(left, right);
    long hash = key * 0x9E3779B97F4A7C15L;
    int mask = keys.length - 1;
    int slot = (int) (hash >>> 32) & mask;
    while (keys[slot] != FREE && keys[slot] != key) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private static long pair(int left, int right) {
    return (long) left << 32 | right;
  }
}
