package dev.granula.models.tokenizer;

import java.util.ArrayList;
import java.util.List;

/** Collects what is wrong with a tokenizer, so that its user hears of everything at once. */
final class Problems {
  private final List<String> messages = new ArrayList<>();

  /** Notes that {@code where} breaks a rule. */
  void add(String where, String problem) {
    messages.add(where + ": " + problem);
  }

  boolean isEmpty() {
    return messages.isEmpty();
  }

  List<String> messages() {
    return List.copyOf(messages);
  }
}
