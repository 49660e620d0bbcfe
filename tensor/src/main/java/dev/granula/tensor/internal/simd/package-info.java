/** Kernels of the CPU back end on the Vector API; the only package that imports it. */
@NullMarked
package dev.granula.tensor.internal.simd;

import org.jspecify.annotations.NullMarked;
