/** Data sets: JSON lines, token sequences with their targets, and the order of a run. */
@NullMarked
package dev.granula.training.data;

import org.jspecify.annotations.NullMarked;
