package dev.granula.bench.compare;

import java.util.List;

/**
 * One side of a row: the program that is measured, in a process of its own.
 *
 * @param program a work of {@link dev.granula.bench.work.Program}, or a file in {@code bench/peers}
 * @param options {@code name=value} arguments
 */
record Side(Kind kind, String program, List<String> options) {
  enum Kind {
    JAVA,
    PYTHON
  }

  static Side java(String work, String... options) {
    return new Side(Kind.JAVA, work, List.of(options));
  }

  static Side python(String file, String... options) {
    return new Side(Kind.PYTHON, file, List.of(options));
  }
}
