/** The operations: shape rule, value and vector-Jacobian product of each side by side. */
@NullMarked
package dev.granula.autograd.ops;

import org.jspecify.annotations.NullMarked;
