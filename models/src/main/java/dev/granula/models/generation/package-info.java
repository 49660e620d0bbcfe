/** Continuing texts with a language model: sampling, stop tokens, streaming. */
@NullMarked
package dev.granula.models.generation;

import org.jspecify.annotations.NullMarked;
