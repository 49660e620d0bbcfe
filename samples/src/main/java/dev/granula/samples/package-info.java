/** Numbered lessons and small programs, each of them run by the tests. */
@NullMarked
package dev.granula.samples;

import org.jspecify.annotations.NullMarked;
