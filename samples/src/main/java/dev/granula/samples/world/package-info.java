/**
 * The small world of the quickstart: people with a home, a trade, an animal and more, told in plain
 * English sentences. A seed makes all of it, the same on every machine.
 */
@NullMarked
package dev.granula.samples.world;

import org.jspecify.annotations.NullMarked;
