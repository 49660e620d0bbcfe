/**
 * Tensors as data (shape, strides, dtype, storage), the memory that holds them and the back ends
 * that compute on them.
 */
@NullMarked
package dev.granula.tensor;

import org.jspecify.annotations.NullMarked;
