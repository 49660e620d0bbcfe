/** The comparison with other libraries: rows as data, processes in turn, one table. */
@NullMarked
package dev.granula.bench.compare;

import org.jspecify.annotations.NullMarked;
