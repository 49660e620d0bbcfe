/**
 * Reverse-mode automatic differentiation: {@link dev.granula.autograd.Variable} is a tensor with a
 * place in a graph, {@link dev.granula.autograd.Op} one operation with its shape rule, its value
 * and its vector-Jacobian product side by side.
 */
@NullMarked
package dev.granula.autograd;

import org.jspecify.annotations.NullMarked;
