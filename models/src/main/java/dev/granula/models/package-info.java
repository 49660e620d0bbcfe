/** Decoder language models read from Hugging Face directories, their tokenizers and generation. */
@NullMarked
package dev.granula.models;

import org.jspecify.annotations.NullMarked;
