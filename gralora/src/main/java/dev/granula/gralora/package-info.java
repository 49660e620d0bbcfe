/** Granular low-rank adapters (GraLoRA), with LoRA beside them as the baseline. */
@NullMarked
package dev.granula.gralora;

import org.jspecify.annotations.NullMarked;
