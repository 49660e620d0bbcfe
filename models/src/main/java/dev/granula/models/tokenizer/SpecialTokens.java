package dev.granula.models.tokenizer;

import org.jspecify.annotations.Nullable;

/**
 * The tokens that {@code tokenizer_config.json} gives a role.
 *
 * @param bos begin of sequence
 * @param eos end of sequence
 * @param pad padding
 */
public record SpecialTokens(@Nullable String bos, @Nullable String eos, @Nullable String pad) {}
