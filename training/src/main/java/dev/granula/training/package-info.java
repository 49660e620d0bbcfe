/** Datasets, the trainer, evaluation and what they report. */
@NullMarked
package dev.granula.training;

import org.jspecify.annotations.NullMarked;
