/** Modules with named parameters, layers, optimizers and learning-rate schedules. */
@NullMarked
package dev.granula.nn;

import org.jspecify.annotations.NullMarked;
