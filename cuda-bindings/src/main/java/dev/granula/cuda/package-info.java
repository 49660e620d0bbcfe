/** The CUDA back end: {@link dev.granula.cuda.CudaDevice} and what it is made of. */
@NullMarked
package dev.granula.cuda;

import org.jspecify.annotations.NullMarked;
