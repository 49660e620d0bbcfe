/** The C functions of the CUDA driver, cuBLAS and NVRTC, named as jextract names them. */
@NullMarked
package dev.granula.cuda.bindings;

import org.jspecify.annotations.NullMarked;
