/** Byte-level BPE exactly as a Hugging Face {@code tokenizer.json} describes it. */
@NullMarked
package dev.granula.models.tokenizer;

import org.jspecify.annotations.NullMarked;
