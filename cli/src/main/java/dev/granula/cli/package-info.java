/**
 * The {@code granula} command: options, progress, exit codes, and nothing that a library would
 * need.
 */
@NullMarked
package dev.granula.cli;

import org.jspecify.annotations.NullMarked;
