/**
 * What an operation is made of: the contract that every op in the project and outside of it
 * fulfils.
 */
@NullMarked
package dev.granula.autograd.op;

import org.jspecify.annotations.NullMarked;
