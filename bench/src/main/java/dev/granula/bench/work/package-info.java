/** What is measured, and the program that measures one of it in a process of its own. */
@NullMarked
package dev.granula.bench.work;

import org.jspecify.annotations.NullMarked;
