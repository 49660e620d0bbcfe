package dev.granula.training.quickstart;

import dev.granula.training.Answers;
import dev.granula.training.TrainingListener;
import java.nio.file.Path;

/** Hears what the quickstart does. */
public interface QuickstartListener extends TrainingListener {
  /** When the questions were answered. */
  enum Stage {
    BASE,
    TUNED,
    MERGED
  }

  /** The held-out questions were answered. */
  default void onAnswers(Stage stage, Answers answers) {}

  /** The merged model was written. */
  default void onMerged(Path directory) {}
}
