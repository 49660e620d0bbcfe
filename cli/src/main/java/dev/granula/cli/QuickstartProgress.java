package dev.granula.cli;

import dev.granula.training.Answers;
import dev.granula.training.quickstart.QuickstartListener;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;

/** Training on standard error, answers on standard output. */
final class QuickstartProgress extends Progress implements QuickstartListener {
  private static final int SHOWN_ANSWERS = 3;

  private final PrintWriter out;

  QuickstartProgress(PrintWriter out, PrintWriter err, Interruption interruption) {
    super(err, interruption);
    this.out = out;
  }

  @Override
  public void onAnswers(Stage stage, Answers answers) {
    close();
    String when =
        switch (stage) {
          case BASE -> "before fine-tuning";
          case TUNED -> "after fine-tuning";
          case MERGED -> "merged";
        };
    out.println(
        String.format(
            Locale.ROOT,
            "%s: %d of %d answers are right",
            when,
            answers.correct(),
            answers.list().size()));
    if (stage != Stage.MERGED) {
      answers.list().stream().limit(SHOWN_ANSWERS).forEach(this::print);
    }
    out.flush();
  }

  private void print(Answers.Answer answer) {
    out.println("  " + answer.prompt().strip().replace("\n", "\n  "));
    String expected = answer.isCorrect() ? "right" : "wrong, it is: " + answer.expected().strip();
    out.println("  > %s (%s)".formatted(answer.given().strip(), expected));
  }

  @Override
  public void onMerged(Path directory) {
    onNote("merged model written to " + directory);
  }
}
