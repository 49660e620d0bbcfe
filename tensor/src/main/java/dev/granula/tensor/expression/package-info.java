/** Pointwise mathematics as data: every back end compiles or evaluates the same expressions. */
@NullMarked
package dev.granula.tensor.expression;

import org.jspecify.annotations.NullMarked;
