/**
 * GraLoRA (granular low-rank adaptation, arXiv 2505.20355) and LoRA as its baseline: adapters on
 * any {@link dev.granula.nn.Linear} of any module, in PEFT's files both ways.
 */
@NullMarked
package dev.granula.gralora;

import org.jspecify.annotations.NullMarked;
