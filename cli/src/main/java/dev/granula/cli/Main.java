package dev.granula.cli;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.lang.module.ModuleDescriptor;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Entry point of the {@code granula} command.
 *
 * <p>Results go to standard output, everything else to standard error. Exit codes: 0 success, 1
 * failure, 2 wrong use, 130 interrupted.
 */
@Command(
    name = "granula",
    description = "Fine-tunes language models with GraLoRA.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    scope = CommandLine.ScopeType.INHERIT,
    subcommands = {
      TrainCommand.class,
      EvalCommand.class,
      GenerateCommand.class,
      MergeCommand.class,
      EnvCommand.class,
      QuickstartCommand.class
    })
public final class Main implements Runnable {
  @Spec private CommandSpec spec;

  @Option(
      names = Failures.STACKTRACE,
      scope = CommandLine.ScopeType.INHERIT,
      description = "Show where in the program a failure arose.")
  private boolean stacktrace;

  /** Created by picocli and by {@link #run(PrintStream, PrintStream, String...)}. */
  public Main() {}

  /** Runs the command line and exits the JVM with its exit code. */
  public static void main(String[] args) {
    LogFormat.install();
    System.exit(run(System.out, System.err, args));
  }

  /** Runs the command line and returns its exit code. */
  static int run(PrintStream out, PrintStream err, String... args) {
    Failures failures = new Failures();
    CommandLine command =
        new CommandLine(new Main())
            .setOut(new PrintWriter(out, true, StandardCharsets.UTF_8))
            .setErr(new PrintWriter(err, true, StandardCharsets.UTF_8))
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setExecutionExceptionHandler(failures)
            .setParameterExceptionHandler(failures);
    try {
      return command.execute(ConfigFile.expand(command, args));
    } catch (ParameterException e) {
      return failures.handleParseException(e, args);
    }
  }

  boolean showsStacktrace() {
    return stacktrace;
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is needed");
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
