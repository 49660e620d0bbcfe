/**
 * Fine-tuning: the training loop, its metrics, evaluation, and the facade for programs. Nothing
 * here prints; what happens is reported to a {@link dev.granula.training.TrainingListener}.
 */
@NullMarked
package dev.granula.training;

import org.jspecify.annotations.NullMarked;
