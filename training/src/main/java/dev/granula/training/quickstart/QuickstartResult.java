package dev.granula.training.quickstart;

import dev.granula.training.Answers;
import java.nio.file.Path;

/**
 * How the quickstart went.
 *
 * @param base answers before training
 * @param tuned answers after it
 * @param adapter folder of the adapter
 * @param merged folder of the merged model, which gives the same answers
 */
public record QuickstartResult(Answers base, Answers tuned, Path adapter, Path merged) {}
