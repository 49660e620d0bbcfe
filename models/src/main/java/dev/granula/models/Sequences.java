package dev.granula.models;

import dev.granula.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What every layer needs to know about the tokens of a pass: where they stand (I32 [B, T], with the
 * rotary tables [P, D/2]) and the first key that each may see.
 *
 * @param cache the tokens before, or null
 */
record Sequences(
    Tensor positions,
    Tensor cos,
    Tensor sin,
    @Nullable Tensor firstKey,
    @Nullable KeyValueCache cache) {}
