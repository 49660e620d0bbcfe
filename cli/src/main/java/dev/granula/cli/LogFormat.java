package dev.granula.cli;

/** The log on standard error, one line for each message. */
final class LogFormat {
  private LogFormat() {}

  /** Must run before the first message, because logging reads its settings once. */
  static void install() {
    setUnlessGiven("java.util.logging.SimpleFormatter.format", "granula: %5$s%6$s%n");
    setUnlessGiven("jdk.system.logger.format", "granula: %5$s%6$s%n");
  }

  private static void setUnlessGiven(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }
}
