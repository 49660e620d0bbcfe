/** The processor as a device: native memory, the choice of the back end, the default device. */
@NullMarked
package dev.granula.tensor.cpu;

import org.jspecify.annotations.NullMarked;
