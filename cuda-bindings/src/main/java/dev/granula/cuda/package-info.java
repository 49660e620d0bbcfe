/** The CUDA back end, found through {@link java.util.ServiceLoader}. */
@NullMarked
package dev.granula.cuda;

import org.jspecify.annotations.NullMarked;
