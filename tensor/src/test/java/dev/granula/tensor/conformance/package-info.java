/**
 * The conformance kit: cases for every kernel of {@link dev.granula.tensor.Backend}, run on any
 * device and compared with the reference. A device is held to it by one class that extends {@link
 * dev.granula.tensor.conformance.BackendConformance}. Only exported classes are used here, so that
 * other modules can run the kit from the test jar.
 */
@NullMarked
package dev.granula.tensor.conformance;

import org.jspecify.annotations.NullMarked;
