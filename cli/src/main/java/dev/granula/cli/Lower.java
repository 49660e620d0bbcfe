package dev.granula.cli;

import java.util.Locale;

/** Enum constants as the command line spells them. */
final class Lower {
  private Lower() {}

  static String name(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}
