/** Measurements; run by hand, never by the build. */
@NullMarked
package dev.granula.bench;

import org.jspecify.annotations.NullMarked;
