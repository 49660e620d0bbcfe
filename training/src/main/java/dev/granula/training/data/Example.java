package dev.granula.training.data;

/** One line of a data set, as written. */
public sealed interface Example {
  /** Number of the line in its file, from 1. */
  int line();

  /** A text that is learned from its first token to its last. */
  record Text(int line, String text) implements Example {}

  /** A prompt, which is read and not learned, and the completion that is learned. */
  record Completion(int line, String prompt, String completion) implements Example {}
}
