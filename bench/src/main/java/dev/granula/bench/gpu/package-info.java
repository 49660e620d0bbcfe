/** The training step on a GPU, for {@code bench/gpu}. */
@org.jspecify.annotations.NullMarked
package dev.granula.bench.gpu;
