/** JMH benchmarks of the kernels; the same work as in the comparison, under another driver. */
@NullMarked
package dev.granula.bench.kernels;

import org.jspecify.annotations.NullMarked;
