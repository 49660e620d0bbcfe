/**
 * Tensors, the memory they live in, and the kernel contract ({@link dev.granula.tensor.Backend})
 * that every device fulfils. Nothing here knows gradients or layers.
 */
@NullMarked
package dev.granula.tensor;

import org.jspecify.annotations.NullMarked;
