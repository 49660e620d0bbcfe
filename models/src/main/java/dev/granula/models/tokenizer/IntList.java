package dev.granula.models.tokenizer;

import java.util.Arrays;

/** A growing {@code int[]}: token ids on their way out, without boxing. */
final class IntList {
  private int[] values = new int[16];
  private int size;

  void add(int value) {
    ensure(1);
    values[size++] = value;
  }

  void addAll(int[] more) {
    ensure(more.length);
    System.arraycopy(more, 0, values, size, more.length);
    size += more.length;
  }

  int[] toArray() {
    return Arrays.copyOf(values, size);
  }

  private void ensure(int more) {
    int needed = Math.addExact(size, more);
    if (needed > values.length) {
      values =
          Arrays.copyOf(
              values, (int) Math.min(Integer.MAX_VALUE - 8, Math.max(needed, values.length * 2L)));
    }
  }
}
