package dev.granula.cli;

import dev.granula.training.Evaluation;
import dev.granula.training.StepMetrics;
import dev.granula.training.TrainingListener;
import dev.granula.training.TrainingPlan;
import java.io.Console;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** A run on standard error: a progress bar on a terminal, plain lines otherwise. */
class Progress implements TrainingListener, AutoCloseable {
  private static final int WIDTH = 79;
  private static final long PLAIN_INTERVAL_NANOS = 2_000_000_000L;
  private static final double MIB = 1 << 20;

  private final PrintWriter err;
  private final Interruption interruption;
  private @Nullable ProgressBar bar;
  private long steps;
  private long startNanos;
  private long printedNanos;

  Progress(PrintWriter err, Interruption interruption) {
    this.err = err;
    this.interruption = interruption;
  }

  @Override
  public void onStart(TrainingPlan plan) {
    steps = plan.steps();
    startNanos = System.nanoTime();
    plan.scale().ifPresent(scale -> printAdapter(plan, scale));
    line(
        String.format(
            Locale.ROOT,
            "%,d of %,d parameters are trained (%.2f %%)",
            plan.trainableParameters(),
            plan.totalParameters(),
            100.0 * plan.trainableParameters() / plan.totalParameters()));
    line(
        String.format(Locale.ROOT, "%,d samples, %,d steps", plan.training().used(), plan.steps()));
    SampleLosses.of(plan.training()).ifPresent(this::line);
    plan.evaluation().flatMap(SampleLosses::of).ifPresent(this::line);
    if (isTerminal()) {
      bar = newBar(plan.steps());
    }
  }

  private void printAdapter(TrainingPlan plan, double scale) {
    String names = String.join(", ", plan.targetNames());
    line(
        "%s on %d layers (%s), effective scale alpha/(r+h) = %s"
            .formatted(plan.method(), plan.targets().size(), names, scale));
  }

  @SuppressWarnings("SystemConsoleNull") // Null again in JDK 25 where the output is redirected.
  private static boolean isTerminal() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }

  private static ProgressBar newBar(long steps) {
    return new ProgressBarBuilder()
        .setTaskName("train")
        .setInitialMax(steps)
        .setStyle(ProgressBarStyle.ASCII)
        .setUpdateIntervalMillis(200)
        .setConsumer(new ConsoleProgressBarConsumer(System.err, WIDTH))
        .build();
  }

  @Override
  public void onStep(StepMetrics metrics) {
    String numbers =
        String.format(
            Locale.ROOT,
            "loss %.4f, %.0f tok/s, %.0f MiB",
            metrics.loss(),
            metrics.tokensPerSecond(),
            metrics.residentBytes() / MIB);
    if (bar != null) {
      bar.stepTo(metrics.step());
      bar.setExtraMessage(numbers);
      return;
    }
    long now = System.nanoTime();
    boolean last = metrics.step() == steps;
    if (metrics.step() == 1 || last || now - printedNanos >= PLAIN_INTERVAL_NANOS) {
      printedNanos = now;
      String left = left(metrics.step(), now);
      line("step %d/%d, %s, %s left".formatted(metrics.step(), steps, numbers, left));
    }
  }

  private String left(long step, long now) {
    long seconds = (long) ((now - startNanos) / 1e9 / step * (steps - step));
    Duration left = Duration.ofSeconds(seconds);
    return String.format(
        Locale.ROOT, "%d:%02d:%02d", left.toHours(), left.toMinutesPart(), left.toSecondsPart());
  }

  @Override
  public void onEvaluation(long step, Evaluation evaluation) {
    line(
        String.format(
            Locale.ROOT,
            "step %d, evaluation: loss %.4f, perplexity %.3f",
            step,
            evaluation.loss(),
            evaluation.perplexity()));
  }

  @Override
  public void onSave(long step, Path directory) {
    line("saved step %d to %s".formatted(step, directory));
  }

  @Override
  public void onNote(String note) {
    line(note);
  }

  @Override
  public boolean isStopRequested() {
    return interruption.isRequested();
  }

  /** A line of its own, also while the bar is on the screen. */
  private void line(String text) {
    if (bar != null) {
      err.print("\r" + " ".repeat(WIDTH) + "\r");
    }
    err.println(text);
    err.flush();
  }

  /** Ends the bar; a later run gets a new one. */
  @Override
  public final void close() {
    if (bar != null) {
      bar.close();
      bar = null;
    }
  }
}
