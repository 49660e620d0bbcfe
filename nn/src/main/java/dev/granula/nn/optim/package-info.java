/** Optimizers, learning-rate schedules and gradient clipping. */
@NullMarked
package dev.granula.nn.optim;

import org.jspecify.annotations.NullMarked;
