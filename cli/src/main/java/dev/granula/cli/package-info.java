/** The {@code granula} command. */
@NullMarked
package dev.granula.cli;

import org.jspecify.annotations.NullMarked;
