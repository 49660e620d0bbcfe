/**
 * The definition of every kernel in plain, obvious Java: one thread, arithmetic in F64, one
 * rounding at the store. Other back ends are tested against it and inherit what they do not speed
 * up.
 */
@NullMarked
package dev.granula.tensor.reference;

import org.jspecify.annotations.NullMarked;
