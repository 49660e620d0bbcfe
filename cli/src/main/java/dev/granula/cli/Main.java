package dev.granula.cli;

import java.lang.module.ModuleDescriptor;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Entry point of the {@code granula} command.
 *
 * <p>Results go to standard output, everything else to standard error. Exit codes: 0 success, 1
 * failure, 2 wrong use.
 */
@Command(
    name = "granula",
    description = "Fine-tunes language models with GraLoRA.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    subcommands = {})
public final class Main implements Runnable {
  @Spec private CommandSpec spec;

  /** Created by picocli and by {@link #main}. */
  public Main() {}

  /** Runs the command line and exits the JVM with its exit code. */
  public static void main(String[] args) {
    System.exit(new CommandLine(new Main()).execute(args));
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "granula: a command is needed");
  }

  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      ModuleDescriptor descriptor = Main.class.getModule().getDescriptor();
      String version =
          descriptor == null ? "(class path)" : descriptor.rawVersion().orElse("(unknown)");
      return new String[] {"granula " + version};
    }
  }
}
