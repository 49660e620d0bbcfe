package dev.granula.cli;

import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Failures as one line on standard error, and the exit codes. */
final class Failures implements IExecutionExceptionHandler, IParameterExceptionHandler {
  static final String STACKTRACE = "--stacktrace";

  /** Wrong use: the rule that was broken and where to read more. */
  @Override
  public int handleParseException(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    err.println(line(message(e)));
    CommandLine.UnmatchedArgumentException.printSuggestions(e, err);
    err.println("Try '%s --help'.".formatted(command.getCommandSpec().qualifiedName()));
    err.flush();
    return CommandLine.ExitCode.USAGE;
  }

  @Override
  public int handleExecutionException(Exception e, CommandLine command, ParseResult parsed) {
    PrintWriter err = command.getErr();
    err.println(line(message(e)));
    if (command.getCommandSpec().root().userObject() instanceof Main main
        && main.showsStacktrace()) {
      e.printStackTrace(err);
    }
    err.flush();
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static String line(String message) {
    return "granula: " + message.strip().replaceAll("\\s*\\R\\s*", " ");
  }

  private static String message(Throwable e) {
    Throwable cause = e.getCause();
    @Nullable String own = e.getMessage();
    if (e instanceof UncheckedIOException && cause != null) {
      String reason = message(cause);
      return own == null || own.contains(reason) ? String.valueOf(own) : own + ": " + reason;
    }
    return switch (e) {
      case NoSuchFileException _ -> "no such file: " + own;
      case AccessDeniedException _ -> "access denied: " + own;
      case FileAlreadyExistsException _ -> "exists already: " + own;
      default -> own == null ? e.toString() : own;
    };
  }
}
