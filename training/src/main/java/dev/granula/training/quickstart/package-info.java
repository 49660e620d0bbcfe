/** The embedded model and its task: a first fine-tuning run that needs no download. */
@NullMarked
package dev.granula.training.quickstart;

import org.jspecify.annotations.NullMarked;
