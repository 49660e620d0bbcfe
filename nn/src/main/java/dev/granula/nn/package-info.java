/**
 * Layers with parameters, under the names that Hugging Face gives them, and the ways to train them.
 * Knows neither language models nor adapters.
 */
@NullMarked
package dev.granula.nn;

import org.jspecify.annotations.NullMarked;
